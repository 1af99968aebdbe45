"""CPU headroom by model size and hop, idle and with a busy Python thread."""

import dataclasses
import threading

import pytest

from aedsp.headroom import HOPS, measure, random_model, with_hop
from aedsp.model.front_end import FrontEnd

SIZES = (16, 64, 256, 1500, 3500)
_MODELS = {}


def model(units, hop):
    if units not in _MODELS:
        _MODELS.clear()  # one at a time in memory
        _MODELS[units] = random_model(units, FrontEnd(sample_rate=48_000.0))
    return with_hop(_MODELS[units], hop)


@pytest.fixture(params=["idle", "busy"])
def load(request):
    """Idle, or a thread that takes the GIL whenever it can."""
    stop = threading.Event()

    def work():
        while not stop.is_set():
            sum(i * i for i in range(1000))

    thread = threading.Thread(target=work)
    if request.param == "busy":
        thread.start()
    yield request.param
    stop.set()
    if thread.ident:
        thread.join()


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("units", SIZES)
def bench_headroom(benchmark, headroom_rows, units, hop, load):
    found = []
    benchmark.pedantic(lambda: found.append(measure(model(units, hop), precision="float16")), rounds=1)
    headroom_rows[units, hop, load] = found[-1]
    benchmark.extra_info.update(dataclasses.asdict(found[-1]))
