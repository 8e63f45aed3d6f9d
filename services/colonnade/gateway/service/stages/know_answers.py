"""Who answered, for feedback."""

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.answers import Answers
from colonnade.gateway.service.pipeline import Stage


class KnowAnswers(Stage):
    """Notes which version wrote what was shown, of answers that have an end."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def after(self, exchange: Exchange) -> None:
        if exchange.target is not None and exchange.finish is not None:
            self._answers.note(exchange.principal.tenant, exchange.request_id, exchange.target)
