"""What is asked of a model, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar

from colonnade.gateway.domain.caching import Cached
from colonnade.gateway.domain.memory import MemorySpec
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.domain.tools import CallPart, Tool, ToolCall, ToolChoice


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str
    name: str = ""
    """Of who speaks, or of the tool that answers."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Of an assistant's message."""
    tool_call_id: str = ""
    """Of a tool's message: the call that it answers."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The defaults of ``POST /generate``."""

    temperature: float = 0.8
    """0 is greedy."""
    top_k: int = 50
    """0 is off."""
    top_p: float = 0.95
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """By the ids of tokens."""


PRESETS: Mapping[str, Sampling] = MappingProxyType(
    {
        "creative": Sampling(temperature=1.2, top_p=0.95, top_k=100),
        "precise": Sampling(temperature=0.3, top_p=0.9, top_k=20),
        "balanced": Sampling(temperature=0.7, top_p=0.9, top_k=50),
        "deterministic": Sampling(temperature=0.0, top_p=1.0, top_k=0),
    }
)


@dataclass(frozen=True, slots=True)
class GenerationSpec:
    """One request. One of ``prompt``, ``prompt_tokens``, ``messages``; ``model``, ``model_size`` or neither.

    ``adapter`` goes with its model, or stands for it."""

    prompt: str | None = None
    messages: tuple[Message, ...] | None = None
    model: str = ""
    model_size: str = ""
    max_tokens: int = 100
    open_ended: bool = False
    """No ``max_tokens`` was asked for: it is what a context has room for."""
    sampling: Sampling = field(default_factory=Sampling)
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    user: str = ""
    adapter: str = ""
    structure: Structure | None = None
    n: int = 1
    """Answers to draw."""
    prompt_tokens: tuple[int, ...] | None = None
    """A prompt that is encoded already."""
    tools: tuple[Tool, ...] = ()
    """Functions that the answer may call."""
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    priority: int = 0
    """-10 to 10; higher goes first, as far as the key may."""
    memory: MemorySpec | None = None
    """What of memory the prompt is to have, and whether memory is to have the answer."""

    action: ClassVar[str] = "generate"
    """As the audit calls it."""

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The tools that the model is told of."""
        return () if self.tool_choice.mode == "none" else self.tools

    @property
    def callable(self) -> tuple[Tool, ...]:
        """Those of them that the answer may call."""
        only = self.tool_choice.name
        return tuple(tool for tool in self.offered if only in ("", tool.name))

    @property
    def operation(self) -> str:
        """The OpenTelemetry name of what is asked."""
        return "text_completion" if self.messages is None else "chat"


@dataclass(frozen=True, slots=True)
class Rival:
    """A token that might have been drawn, and how likely it was."""

    id: int
    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Token:
    id: int
    text: str
    logprob: float | None = None
    top: tuple[Rival, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_prompt_tokens: int = 0
    guessed_tokens: int = 0
    """Proposed to the model ahead of it, if the engine speculates."""
    accepted_tokens: int = 0
    """Of those, what the model agreed to."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds, measured in the engine."""

    queue: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0
    time_to_first_token: float = 0.0


@dataclass(frozen=True, slots=True)
class Finish:
    reason: str
    """stop, length, tool_calls, cancelled or deadline."""
    usage: Usage
    timings: Timings
    seed: int
    stop: str = ""
    """The stop string that ended it, if one did."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text that may be shown, the tokens it came from, and, in an answer's last one, how it ended."""

    text: str
    tokens: tuple[Token, ...] = ()
    finish: Finish | None = None
    index: int = 0
    """Which of the answers."""
    answered_by: str = ""
    """In the first chunk: the digest of the fallback that answers, if one does."""
    full: bool = False
    """With that: the version that was asked failed nothing, it was full."""
    calls: tuple[CallPart, ...] = ()
    """Calls of tools, taken out of the text."""
    cached: Cached | None = None
    """In the first chunk, and perhaps the last."""
    unlisted: int = 0
    """Tokens that it came from besides ``tokens``."""

    @property
    def count(self) -> int:
        """How many tokens it came from."""
        return len(self.tokens) + self.unlisted

    def began(self, came: float, *, whole: bool) -> float:
        """When its first token was made, where it came at ``came``: what comes whole was not made at once."""
        return came - self.finish.timings.decode if whole and self.finish else came


def together(finishes: Mapping[int, Finish]) -> Finish:
    """One finish for all answers of a request: how the first ended, the prompt once, the longest times."""
    if len(finishes) == 1:
        return next(iter(finishes.values()))
    first, usages = finishes[min(finishes)], [each.usage for each in finishes.values()]
    timings = [each.timings for each in finishes.values()]
    usage = replace(
        first.usage,
        completion_tokens=sum(each.completion_tokens for each in usages),
        guessed_tokens=sum(each.guessed_tokens for each in usages),
        accepted_tokens=sum(each.accepted_tokens for each in usages),
    )
    longest = Timings(
        first.timings.queue,
        first.timings.prefill,
        max(each.decode for each in timings),
        min(each.time_to_first_token for each in timings),
    )
    return replace(first, usage=usage, timings=longest)
