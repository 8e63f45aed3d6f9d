"""What a request may hold at most. One table, read by the check, by the OpenAPI document and by the tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from colonnade.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Range:
    """An inclusive range of numbers."""

    low: float
    high: float

    def check(self, field: str, value: float) -> None:
        """Raises ``InvalidArgument`` naming field and limit; NaN is in no range."""
        if self.low <= value <= self.high:
            return
        raise InvalidArgument(
            f"{field} must be between {_shown(self.low)} and {_shown(self.high)}",
            field=field,
            limit=self.low if value < self.low else self.high,
            minimum=self.low,
            maximum=self.high,
        )


def _shown(limit: float) -> str:
    """An integer exactly: the largest ones are not floats."""
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "max_tokens": Range(1, 32_768),
        "temperature": Range(0, 2),
        # The lower ends of these two keep a float32 from rounding to zero and logits from becoming infinite.
        "top_p": Range(1e-6, 1),
        "repetition_penalty": Range(0.1, 10),
        "top_k": Range(0, 1_000_000),
        "min_p": Range(0, 1),
        "seed": Range(0, 2**63 - 1),
        "logprobs": Range(0, 20),
        "frequency_penalty": Range(-2, 2),
        "presence_penalty": Range(-2, 2),
        "logit_bias": Range(-100, 100),
        "n": Range(1, 16),
        "priority": Range(-10, 10),
    }
)
GREEDY_BELOW = 1e-3
"""Temperatures below this one are greedy: the softmax of logits divided by them is one-hot anyway."""

MAX_MESSAGES = 1024
MAX_TEXTS = 2048
"""To embed in one call."""
MAX_SCORED = 128
"""To score in one call, each of them after the whole context."""
MAX_TOKEN_IDS = 65_536
"""To turn into text in one call."""
MAX_PROMPTS = 64
"""To continue in one call, each with an answer of its own."""
MAX_TOOLS = 128
MAX_CALLS = 128
"""In one message."""
MAX_NAME_BYTES = 256
"""Of who speaks, of a tool, of a call's id."""
TOOLS_BYTES = 128 * 1024
"""Of all tools together, as UTF-8."""
SESSION_BYTES = 128
"""Of a session's name; all that follows is of memories."""
MEMORY_BYTES = 64 * 1024
"""Of a memory's text, and of a question."""
MEMORY_ID_BYTES = 64
MAX_PEOPLE = 50
MAX_RECALLED = 50
"""Found for one question."""
MAX_RECALLED_DOCUMENTS = 100
"""Looked for in at once."""
MAX_STOPS = 16
MAX_STOP_CHARS = 256
MAX_BIASES = 1024
MAX_TOKEN_ID = 2**31 - 1
STRUCTURE_BYTES: Mapping[str, int] = MappingProxyType(
    {"json_schema": 64 * 1024, "regex": 4 * 1024, "grammar": 16 * 1024}
)
"""Of a form, as UTF-8."""
ROLES_IN_CHAT = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that an installation may move."""

    prompt_bytes: int = 256 * 1024
    """Of the prompt, or of all messages together, as UTF-8."""
