"""Where reward models are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from colonnade.ethics.feedback.reward.learning import Share
from colonnade.security.inputs.once import Once


@dataclass(frozen=True, slots=True)
class Kept:
    """A reward model as it is kept."""

    id: str
    tenant: str
    made_at: datetime
    embedding_model: str
    accuracy: Share
    """On pairs that nothing was learnt from."""
    learnt: int
    card: str
    """JSON."""
    weights: bytes = field(default=b"", repr=False)
    """Safetensors; lists leave them out."""


class RewardStore(Protocol):
    async def add(self, model: Kept, made_of: Sequence[str], once: Once | None) -> Kept:
        """Keeps it, or returns what was kept under the same key. ``Conflict`` where a piece of feedback that
        it is made of is not there, or not accepted, any more."""
        ...

    async def made_with(self, once: Once) -> Kept | None: ...

    async def find(self, tenant: str, model_id: str) -> Kept:
        """With its weights; the newest where the id is empty. ``NotFound``."""
        ...

    async def page(self, tenant: str, limit: int) -> Sequence[Kept]:
        """Newest first, without weights."""
        ...
