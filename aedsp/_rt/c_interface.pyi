from aedsp._rt.handle import EngineHandle

VERSION: int

class CEngine:
    def __init__(
        self,
        handle: EngineHandle,
        sample_rate: float,
        block_frames: int,
        code_latency_frames: float,
        hop_frames: float,
    ) -> None: ...
    @property
    def address(self) -> int: ...
    def function(self, name: str) -> int: ...
