"""What is needed of vLLM, in few words; ``backend`` has them from the real one."""

from collections.abc import AsyncGenerator, Mapping
from collections.abc import Sequence as Row
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from colonnade.models.protocol import SampledToken


class Refused(Exception):
    """vLLM does not take the request. ``str`` is its reason."""


class Died(Exception):
    """vLLM's own process has ended; nothing will be answered any more."""


@dataclass(frozen=True, slots=True)
class Lora:
    """An adapter under the number that vLLM knows it by, in a folder as PEFT saved it."""

    digest: str
    number: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Draw:
    """One answer that is to be drawn."""

    name: str
    tokens: Row[int]
    sampling: Mapping[str, Any]
    """Arguments of ``vllm.SamplingParams``."""
    structure: Mapping[str, str] = field(default_factory=dict)
    """Arguments of its ``StructuredOutputsParams``; empty: any text."""
    lora: Lora | None = None
    priority: int = 0
    """Lower goes first."""
    salt: str = ""
    """Only those of the same one share the state of their prompts."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of it since the last one."""

    tokens: Row[SampledToken] = ()
    prompt: Row[SampledToken] = ()
    """The prompt's tokens but the first with their logprobs, once, if they were asked for."""
    cached_tokens: int = 0
    """Of the prompt's: found, not worked off."""
    scheduled: float | None = None
    """When it ran first, on ``time.monotonic``."""
    preemptions: int = 0
    ended: str = ""
    """Why it ended, in vLLM's words; empty while it goes on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is to be served."""

    folder: Path
    """In Hugging Face's layout."""
    dtype: str
    context_length: int
    max_sequences: int
    cache_bytes: int
    """0: what there is."""
    gpu_share: float
    gpus: int
    eager: bool | None
    max_adapters: int
    adapter_rank: int


class Backend(Protocol):
    """A model that vLLM serves."""

    @property
    def cache_tokens(self) -> int:
        """Positions whose state has room."""
        ...

    @property
    def cache_share(self) -> float:
        """How much of that is held, from 0 to 1; as of the latest forward."""
        ...

    def draw(self, asked: Draw) -> AsyncGenerator[Drawn, None]:
        """Leaving early aborts it. Raises ``Refused`` or ``Died``."""
        ...

    async def add(self, lora: Lora) -> None:
        """Raises ``Refused`` for an adapter that does not fit."""
        ...

    async def remove(self, lora: Lora) -> None: ...

    async def died(self) -> None:
        """Returns once its process has ended by itself."""
        ...

    async def close(self) -> None: ...


class Start(Protocol):
    async def __call__(self, plan: Plan) -> Backend:
        """Raises ``Refused`` for a model that vLLM cannot serve so."""
        ...
