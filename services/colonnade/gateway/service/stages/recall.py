"""What is remembered of the asker, and of their documents, joins the prompt."""

from dataclasses import replace

from colonnade.errors import Code, ColonnadeError
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.memory import MemoryFilter, MemorySpec, MemoryUse, Question, RecallSpec
from colonnade.gateway.ports import MemoryBook
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.recall import RecallBounds, asked_of, shaped

_QUESTION_CHARACTERS = 4000
"""The end of a long text: that is where the question is, most often."""
_REFUSALS = frozenset(
    {Code.INVALID_ARGUMENT, Code.UNSUPPORTED, Code.TOO_LARGE, Code.PERMISSION_DENIED, Code.NOT_FOUND}
)
"""The request's own fault. Whatever else memory answers, the request goes on without it."""


class Recall(Stage):
    """Stands below SpeakFor, since memory is asked as who asks; below DrawVersion, since a version's context
    bounds what may be added; above Limit and whoever screens the prompt, who judge all of it.

    The caches are told that the prompt is one person's."""

    def __init__(self, book: MemoryBook, bounds: RecallBounds) -> None:
        self._book, self._bounds = book, bounds

    async def before(self, exchange: Exchange) -> None:
        """Raises what is wrong with the request, naming its field."""
        wanted = exchange.asked.memory
        if wanted is None:
            return
        exchange.memory = MemoryUse(asked=asked_of(exchange.asked))
        if wanted.recall is None:
            return
        exchange.caching = replace(exchange.caching, personal=True)
        try:
            exchange.memory = await self._recalled(exchange, exchange.memory, wanted, wanted.recall)
        except ColonnadeError as error:
            if error.code in _REFUSALS:
                raise _of_the_field(error) from None
            exchange.memory = replace(exchange.memory, unavailable=error.message)
            exchange.degraded.append("memory")

    async def _recalled(
        self, exchange: Exchange, use: MemoryUse, wanted: MemorySpec, recall: RecallSpec
    ) -> MemoryUse:
        looked_for = MemoryFilter(recall.kinds, documents=recall.documents)
        question = Question(use.asked[-_QUESTION_CHARACTERS:], recall.limit, looked_for)
        found = await self._book.recall(exchange.caller, question, wanted.session, self._bounds.seconds)
        context = exchange.target.context_length if exchange.target else 0
        exchange.sent = exchange.asked
        exchange.spec, citations, turns = shaped(exchange.asked, found, self._bounds, context)
        return replace(
            use, recalled=True, citations=citations, session_turns=turns, without=found.found.without
        )


def _of_the_field(error: ColonnadeError) -> ColonnadeError:
    field = error.details.get("field")
    error.details["field"] = f"memory.{field}" if field == "session" else "memory.recall"
    return error
