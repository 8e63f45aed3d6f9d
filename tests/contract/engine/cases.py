"""What the suite asks engines, in words that fit any of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hypothesis import strategies as st


@dataclass(frozen=True, slots=True)
class Ask:
    prompt: str
    max_tokens: int
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    priority: int = 0
    arrives: int = 0
    """The step before which it comes; engines without steps take it as an order."""
    leaves_after: int | None = None
    """Cancelled once this many tokens came."""
    adapter: str = ""
    """One that the engine under test has loaded."""
    leaves_at: int | None = None
    """Cancelled before this step; engines without steps do not."""
    follows: bool = False
    """Waits for one of the same prompt that came before it; engines may know a better order."""
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    bias: tuple[tuple[int, float], ...] = ()
    regex: str = ""
    """The form of the answer, for families that decide left to right."""


@dataclass(frozen=True, slots=True)
class Answer:
    tokens: tuple[int, ...]
    """As delivered: without what a stop string cut off."""
    text: str
    reason: str
    count: int
    """Tokens generated, delivered or not."""


class EngineUnderTest(Protocol):
    """An engine with one model."""

    def answers(self, asks: Sequence[Ask]) -> list[Answer]:
        """Runs the asks together and returns once all have ended."""
        ...

    def held(self) -> dict[str, int]:
        """What an idle engine must have none of: requests, bytes of cache."""
        ...


# Random models mostly write bytes that are no UTF-8, so U+FFFD is a stop string that occurs.
_STOPS = st.lists(st.sampled_from(["\ufffd", "\ufffd\ufffd\ufffd", "k", "e\ufffd", "}"]), max_size=2)

_BEGINNINGS = ["a system prompt that everyone sends, ", "another, less long one. ", ""]
CROWDED = st.builds(
    Ask,
    prompt=st.builds(
        lambda beginning, cut, end: beginning[:cut] + end,
        st.sampled_from(_BEGINNINGS),
        st.sampled_from([99, 99, 99, 17]),
        st.text("abc", min_size=1, max_size=12),
    ),
    max_tokens=st.integers(1, 40),
    temperature=st.sampled_from([0.0, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    seed=st.integers(0, 2**32),
    priority=st.integers(-2, 2),
    arrives=st.integers(0, 30),
    leaves_after=st.none() | st.none() | st.integers(0, 20),
    leaves_at=st.none() | st.none() | st.integers(0, 60),
    follows=st.booleans(),
)
"""Long answers and shared beginnings: for engines with little room."""

ASKS = st.builds(
    Ask,
    prompt=st.text("abc dé€", min_size=1, max_size=20),
    max_tokens=st.integers(1, 14),
    temperature=st.sampled_from([0.0, 0.7, 1.5]),
    top_k=st.sampled_from([0, 5]),
    top_p=st.sampled_from([1.0, 0.8]),
    min_p=st.sampled_from([0.0, 0.05]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    frequency_penalty=st.sampled_from([0.0, 0.6]),
    presence_penalty=st.sampled_from([0.0, -0.4]),
    bias=st.sampled_from([(), ((65, 3.0), (66, -5.0))]),
    seed=st.integers(0, 2**64 - 1),
    stop=_STOPS.map(tuple),
    priority=st.integers(-2, 2),
    arrives=st.integers(0, 12),
    leaves_after=st.none() | st.none() | st.integers(0, 6),
)
