"""A family whose state cannot be made again from its tokens, as far as the engine is told."""

from dataclasses import replace

from tests.unit.engine.toys.autoregressive import Autoregressive


class Reserving(Autoregressive):
    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.states = [replace(spec, prefix_pure=False) for spec in self.states]
