"""Timing: aligns the hop, the resamplers and the block so that the latency is an exact integer of host frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from aedsp._kernels.resample import Filter
from aedsp.model.front_end import FrontEnd

#: Frames of one limiter segment if the host's rate differs from the model's; otherwise a segment is a hop.
SEGMENT_FRAMES = 32


@dataclass(frozen=True)
class Timing:
    """Latency and initial fills, computed by `timing`."""

    latency_frames: int
    first_fill: int  # model frames of silence at the start of the first hop
    segment_frames: int
    queue_lead: int  # host frames of silence in the output queue at the start
    inward_zeros: int
    outward_zeros: int
    outward_part: int
    hop_frames: int  # host frames of one hop, rounded up
    block_frames: int  # host frames of one block; 0: blocks of any length
    algorithm_frames: int  # the part of the latency due to the windows, in model frames
    ratio: Fraction  # host frames per model frame

    def hop_ends(self, hop_length: int) -> tuple[tuple[int, int], tuple[int, int], int]:
        """Where hops end in the input, exactly: (whole frames, part) of the first and of each further one, and the
        denominator of the parts."""
        one = self.ratio.denominator
        first, step = self.ratio * (hop_length - self.first_fill), self.ratio * hop_length
        return divmod(int(first * one), one), divmod(int(step * one), one), one


def timing(
    front_end: FrontEnd, inward: Filter, outward: Filter, block_frames: int | None, late_hops: int = 0
) -> Timing:
    """Compute the latency and initial fills from the geometry of the hop, the resamplers and the block.

    late_hops: look-ahead in hops, by which each spectrum is delayed.

    Output frame n at the host's rate corresponds to input frame n - D. A host frame lasts 1/r model frames, the
    resamplers look w_in host and w_out model frames ahead, a limiter segment has S host frames, and at the end of
    every block at most H - g model frames of an incomplete hop remain:

        ``D = ceil(r (W - g + w_out + 1) + w_in + S - 2)``, W = reach_length + late_hops H

    H is the hop; g = gcd(block at the model's rate, H) if the block is fixed and a whole number of model frames, else
    0. At equal rates (r = 1, no filters) the segment is the hop itself, is complete with it, and ``D = W - g``.
    """
    hop, r = front_end.hop_length, inward.rate_in / inward.rate_out
    reach = front_end.reach_length + late_hops * hop
    block = Fraction(block_frames or 0) / r
    g = math.gcd(int(block), hop) if block and block.denominator == 1 else 0
    if r == 1:
        latency = reach - g
        return Timing(latency, 0, hop, hop - g, 0, 0, 0, hop, block_frames or 0, latency, r)
    latency = math.ceil(r * (reach - g + outward.half + 1) + inward.half + SEGMENT_FRAMES - 2)
    first_fill = int(inward.half / r) % g if g else 0
    first_position = Fraction(-latency) / r
    first_finished = hop - first_fill - reach
    whole = math.floor(first_position)
    return Timing(
        latency_frames=latency,
        first_fill=first_fill,
        segment_frames=SEGMENT_FRAMES,
        queue_lead=0,
        inward_zeros=inward.half - 1,
        outward_zeros=first_finished - (whole - outward.half + 1),
        outward_part=int((first_position - whole) * (1 / r).denominator),
        hop_frames=math.ceil(hop * r),
        block_frames=block_frames or 0,
        algorithm_frames=reach - g,
        ratio=r,
    )
