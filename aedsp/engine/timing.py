"""Where every sample stands in time: what makes an engine's latency an exact integer of host frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from aedsp._kernels.resample import Filter
from aedsp.model.front_end import FrontEnd

#: Frames of one limiter segment where the host's rate is not the model's; else a segment is a hop.
SEGMENT_FRAMES = 32


@dataclass(frozen=True)
class Timing:
    """The numbers that make the latency an exact integer of host frames. See `timing`."""

    latency_frames: int
    first_fill: int  # model frames of silence that the first hop begins with
    segment_frames: int
    queue_lead: int  # host frames of silence that wait in the output queue
    inward_zeros: int
    outward_zeros: int
    outward_part: int
    hop_frames: int  # host frames of one hop, rounded up
    block_frames: int  # host frames of one block; 0: blocks of any length
    algorithm_frames: int  # the windows' part of the latency, in model frames


def timing(
    front_end: FrontEnd, inward: Filter, outward: Filter, block_frames: int | None, late_hops: int = 0
) -> Timing:
    """Where every sample stands in time, from the geometry of the hop, the resamplers and the block.

    late_hops: how many hops later than it could a spectrum sounds, for the sake of those that follow it.

    Output sample n at the host's rate stands for the input at n - D. With a host frame lasting 1/r model frames, the
    resamplers reaching w_in host and w_out model frames ahead, a limiter segment of S host frames, and hops of H model
    frames that are complete, at the end of every block, up to at most H - g frames:

        ``D = ceil(r (W - g + w_out + 1) + w_in + S - 2)``, W = window_length + late_hops H

    g = gcd(block at the model's rate, H) where the block is fixed and a whole number of model frames, else 0. At equal
    rates (r = 1, no filters) the segment is the hop itself, is complete with it, and ``D = W - g``.
    """
    hop, r = front_end.hop_length, inward.rate_in / inward.rate_out
    reach = front_end.window_length + late_hops * hop
    block = Fraction(block_frames or 0) / r
    g = math.gcd(int(block), hop) if block and block.denominator == 1 else 0
    if r == 1:
        latency = reach - g
        return Timing(latency, 0, hop, hop - g, 0, 0, 0, hop, block_frames or 0, latency)
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
    )
