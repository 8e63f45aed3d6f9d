"""What came from what, and what was measured: read by many, said by few, and that recorded."""

from collections.abc import Sequence

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.lineage import Evaluation, EvaluationPage, NewEdge, Question, Trace
from colonnade.gateway.ports import Audit, EvaluationBook, LineageBook
from colonnade.security.audit import privileged


class Lineage:
    def __init__(self, book: LineageBook, audit: Audit) -> None:
        self._book, self._audit = book, audit

    async def record(self, caller: Caller, edges: Sequence[NewEdge], key: str) -> int:
        """How many were not there yet."""
        facts = {"edges": len(edges), "request_id": caller.request_id}
        async with privileged(self._audit, "lineage.record", caller.principal, acknowledge=False, **facts):
            return await self._book.record(caller, edges, key)

    async def trace(self, caller: Caller, question: Question) -> Trace:
        return await self._book.trace(caller, question)


class Evaluations:
    def __init__(self, book: EvaluationBook, audit: Audit) -> None:
        self._book, self._audit = book, audit

    async def record(self, caller: Caller, evaluation: Evaluation, key: str) -> Evaluation:
        facts = {
            "model": evaluation.model,
            "version": evaluation.version,
            "suite": evaluation.suite,
            "request_id": caller.request_id,
        }
        async with privileged(self._audit, "evaluation.record", caller.principal, acknowledge=False, **facts):
            return await self._book.record(caller, evaluation, key)

    async def page(
        self, caller: Caller, model: str, version: int, page_size: int, page_token: str
    ) -> EvaluationPage:
        """Newest first."""
        return await self._book.page(caller, model, version, page_size, page_token)
