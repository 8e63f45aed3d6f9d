"""Which engines a platform on one machine runs."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from colonnade.supervise.machine import usable_memory
from colonnade.supervise.replicas import Replicas


class Engine(StrEnum):
    """As ``--engine`` takes it."""

    OWN = "own"
    VLLM = "vllm"
    BOTH = "both"
    """vLLM, and ours for what vLLM does not serve."""


@dataclass(frozen=True, slots=True)
class Engines:
    kind: Engine = Engine.OWN
    vllm_python: str = sys.executable
    """Of the environment that has vLLM."""
    replicas: Replicas | None = None
    """So many of ours under Ray, which register themselves, instead of one."""
    ray_address: str = ""
    """Of a Ray cluster that runs; empty: what the environment says, or one of their own."""

    @property
    def services(self) -> tuple[str, ...]:
        """The processes to start; where several engines have equal room, the first gets a version first."""
        if self.replicas:
            return ("serving",)
        return {Engine.OWN: ("engine",), Engine.VLLM: ("vllm",), Engine.BOTH: ("vllm", "engine")}[self.kind]

    def python(self, service: str) -> str:
        return self.vllm_python if service == "vllm" else sys.executable

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """``inherited``, with what these engines need beside it."""
        chosen = dict(inherited)
        if self.replicas:
            chosen["COLONNADE_SERVING_REPLICAS"] = str(self.replicas)
        if self.ray_address:
            chosen["COLONNADE_SERVING_RAY_ADDRESS"] = self.ray_address
        if len(self.services) > 1:
            # vLLM counts with half of the memory; a version goes to where there is most.
            chosen.setdefault("COLONNADE_ENGINE_MEMORY_BYTES", str(usable_memory() // 4))
        return chosen

    def arguments(self) -> list[str]:
        """For a supervisor that is another process; ``of`` reads them."""
        chosen = ["--engine", self.kind, "--vllm-python", self.vllm_python]
        chosen += ["--replicas", str(self.replicas)] if self.replicas else []
        return chosen + (["--ray-address", self.ray_address] if self.ray_address else [])

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--engine", type=Engine, default=Engine.OWN)
        parser.add_argument("--vllm-python", default=sys.executable)
        parser.add_argument("--replicas", type=Replicas.parse, help="engines under Ray")
        parser.add_argument("--ray-address", default="")

    @classmethod
    def of(cls, given: argparse.Namespace) -> "Engines":
        return cls(given.engine, given.vllm_python, given.replicas, given.ray_address)
