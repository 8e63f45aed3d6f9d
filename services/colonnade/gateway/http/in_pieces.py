"""Answers that are sent while what they say is still being read."""

from abc import ABC, abstractmethod

from fastapi import Response
from starlette.types import Receive, Scope, Send

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.http.errors import ClientGone
from colonnade.gateway.http.streaming import while_connected


class InPieces(Response, ABC):
    """A refusal before anything is sent is an ordinary answer. After that, what breaks off ends the
    connection: the client sees that the rest is missing."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_connected(receive, self._sent(send))
        except ClientGone:
            self._exchange.failure = "cancelled"
        except ColonnadeError as error:
            if not self._begun:
                raise
            self._exchange.failure = error.code.value

    @abstractmethod
    async def _sent(self, send: Send) -> None:
        """Sends all of it; ``_begun`` is set once there can be no other answer."""
