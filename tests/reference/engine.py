"""The whole hop over a whole signal, in float64: reference for `Engine.process` with its latency removed."""

import numpy as np

from reference import blend, constant_q, pghi, phase, rtisi, stft
from reference import model as models


def resynthesize(
    model,
    x,
    *,
    factor=None,
    override=None,
    target=None,
    target_amount=0.0,
    offset=0.0,
    detail=0.0,
    mix=1.0,
    original=False,
    mode="source",
    start_turns=None,
    refine=0,
    phase_from=None,
):
    """Mono signal (frames,) at the model rate to its resynthesis, same length, no latency.

    factor, override, target, offset: (n_code,). mix only without refine. The signal is preceded by silence, like
    the engine's state.
    """
    front_end = model.front_end
    length, hop, fft_length = front_end.window_length, front_end.hop_length, front_end.fft_length
    # the window of the engine's hop m ends at m * hop: windows start at hop - length
    padded = np.concatenate([np.zeros(length - hop), np.asarray(x, np.float64), np.zeros(length + hop)])
    spectra = stft.forward(padded, front_end)
    magnitudes = np.abs(spectra) * front_end.magnitude_scale
    if not original:
        q = constant_q.analysis(front_end) if front_end.kind == "cqft" else None
        code = models.encode(model, magnitudes if q is None else constant_q.forward(q, magnitudes))
        factor = np.ones(model.n_code) if factor is None else factor
        override = np.full(model.n_code, np.nan) if override is None else override
        towards = code if target is None else (1 - target_amount) * code + target_amount * np.asarray(target)
        decoded = _decode(model, np.where(np.isnan(override), (towards + offset) * factor, override), q)
        if detail:
            decoded = blend.detailed(decoded, _decode(model, code, q), magnitudes, detail)
        if mode == "source":
            if phase_from is not None:
                other = np.concatenate(
                    [np.zeros(length - hop), np.asarray(phase_from, np.float64), np.zeros(length + hop)]
                )
                units = phase.source(stft.forward(other, front_end), front_end.magnitude_scale, fft_length, hop)
            else:
                units = phase.source(spectra, front_end.magnitude_scale, fft_length, hop)
        else:
            units = phases_of(decoded, front_end, mode, start_turns)
        if refine:
            return rtisi.resynthesize(decoded[: len(units)], units, front_end, refine)[length - hop :][: len(x)]
        resynthesized = decoded[: len(units)] / front_end.magnitude_scale * units
        spectra = blend.mixed(spectra[: len(units)], resynthesized, mix)
    return stft.inverse(spectra, front_end)[length - hop :][: len(x)]


def _decode(model, code, q):
    """Clamped magnitudes (n, n_fft_bins); q: the analysis of a constant-Q front end, or None."""
    decoded = models.decode(model, code)
    return decoded if q is None else np.minimum(decoded @ constant_q.synthesis(model.front_end, q).T, 16)


def phases_of(z, front_end, mode, start_turns):
    """Unit phasors from magnitudes; "pghi1" omits those of the last spectrum."""
    if mode == "spsi":
        return phase.spsi(z, front_end, start_turns)
    if mode in ("pghi", "pghi1"):
        return pghi.units(z, front_end, start_turns, look_ahead=int(mode == "pghi1"))
    n, hop = front_end.fft_length, front_end.hop_length
    return np.array([phase.advance(m, n, hop, start_turns) for m in range(len(z))])
