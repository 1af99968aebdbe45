"""One hop in Python: the original program's loop, and PyTorch; each a callable hop(block) -> block."""

from __future__ import annotations

import numpy as np


class Original:
    """The computation of deepAutoController's play_frame and process_frame: float64, copies, complex exp."""

    def __init__(self, n, hop, W, V, b, c):
        self.n, self.hop = n, hop
        self.W, self.V, self.b, self.c = W.T.astype("f8"), V.astype("f8"), b.astype("f8"), c.astype("f8")
        self.window = np.hanning(n + 1)[:-1]
        self.frame, self.overlap, self.scale = np.zeros(n), np.zeros(n - hop), np.ones(len(b))

    def __call__(self, block):
        n, hop = self.n, self.hop
        self.frame = np.roll(self.frame, -hop)
        self.frame[-hop:] = block
        spectrum = np.fft.rfft(self.frame, n) / n
        magnitude, phase = np.abs(spectrum), np.angle(spectrum)
        y = 1 / (1 + np.exp(-(np.dot(np.atleast_2d(magnitude), self.W) + self.b)))
        y *= self.scale
        magnitude = (np.dot(y, self.V) + self.c)[0]
        data = np.real(n * np.fft.irfft(magnitude * np.exp(1j * phase)))
        data *= self.window * 2 / 3
        out = data[:hop] + self.overlap[:hop]
        self.overlap = np.r_[self.overlap[hop:], np.zeros(hop)]
        self.overlap += data[hop:]
        return np.clip(out, -1, 1)


class Torch:
    """The same in float32 with TorchScript, one thread."""

    def __init__(self, n, hop, W, V, b, c):
        import torch

        torch.set_num_threads(1)
        self.torch = torch

        class Hop(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("W", torch.from_numpy(W))
                self.register_buffer("VT", torch.from_numpy(np.ascontiguousarray(V.T)))
                self.register_buffer("b", torch.from_numpy(b))
                self.register_buffer("c", torch.from_numpy(c))
                self.register_buffer("window", torch.hann_window(n).sqrt())
                self.hop = hop
                self.n = n

            def forward(self, frame, overlap, block):
                frame = torch.cat([frame[self.hop :], block])
                spectrum = torch.fft.rfft(frame * self.window)
                magnitude = spectrum.abs()
                y = torch.sigmoid(torch.mv(self.W, magnitude) + self.b)
                z = torch.mv(self.VT, y) + self.c
                overlap = overlap + torch.fft.irfft(spectrum * (z / (magnitude + 1e-12)), n=self.n) * self.window
                out = torch.clamp(overlap[: self.hop], -1.0, 1.0)
                return frame, torch.cat([overlap[self.hop :], torch.zeros(self.hop)]), out

        self.net = torch.jit.script(Hop().eval())
        self.frame, self.overlap = torch.zeros(n), torch.zeros(n)

    def __call__(self, block):
        with self.torch.inference_mode():
            self.frame, self.overlap, out = self.net(self.frame, self.overlap, self.torch.from_numpy(block))
        return out.numpy()
