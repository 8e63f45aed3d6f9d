"""The registry, for what versions came from and what was measured of them."""

from collections.abc import Sequence
from typing import Protocol

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.lineage import Evaluation, EvaluationPage, NewEdge, Question, Trace


class LineageBook(Protocol):
    """Raises as ``ModelCatalog`` does."""

    async def record(self, caller: Caller, edges: Sequence[NewEdge], key: str) -> int:
        """How many were not there yet."""

    async def trace(self, caller: Caller, question: Question) -> Trace: ...


class EvaluationBook(Protocol):
    """Raises as ``ModelCatalog`` does."""

    async def record(self, caller: Caller, evaluation: Evaluation, key: str) -> Evaluation: ...

    async def page(
        self, caller: Caller, model: str, version: int, page_size: int, page_token: str
    ) -> EvaluationPage:
        """Newest first."""
