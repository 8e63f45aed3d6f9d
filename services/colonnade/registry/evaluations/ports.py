"""What is kept of evaluations."""

from collections.abc import Sequence
from typing import Protocol

from colonnade.registry.evaluations.evaluation import Evaluation
from colonnade.security.inputs.once import Once


class EvaluationStore(Protocol):
    """Every method is one transaction; what it has returned from stays, whatever happens next."""

    async def record(self, evaluation: Evaluation, *, once: Once | None) -> Evaluation:
        """The evaluation and its place in the graph. What was recorded under the same key is returned.

        ``NotFound`` where there is no such version; ``Conflict`` where the key was used for something else,
        or the version has as many as one may have."""
        ...

    async def page(self, model: str, version: int, *, before: str, limit: int) -> Sequence[Evaluation]:
        """Newest first, of one version or (0) of all; those older than ``before``, if that is given."""
        ...
