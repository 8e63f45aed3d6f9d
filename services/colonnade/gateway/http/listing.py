"""A long list as one JSON object, written while its items come: nobody holds what weeks have measured."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from starlette.types import Send

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.http.framing import line
from colonnade.gateway.http.in_pieces import InPieces

_T = TypeVar("_T")
_PIECE_BYTES = 64 * 1024


class Listing(InPieces, Generic[_T]):
    """``{"NAME": [item, ...], ...}``"""

    def __init__(
        self,
        exchange: Exchange,
        name: str,
        items: AsyncGenerator[_T, None],
        written: Callable[[_T], Mapping[str, Any]],
        rest: Callable[[_T | None], Mapping[str, Any]] = lambda _last: {},
    ) -> None:
        """``rest`` of the object is known with the last item; None where there was none."""
        super().__init__(exchange)
        self._name, self._items = name, items
        self._written, self._rest = written, rest

    async def _sent(self, send: Send) -> None:
        last: _T | None = None
        async with aclosing(self._items) as items:
            item = await anext(items, None)
            self._begun = True
            head = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            piece = f'{{"{self._name}":['.encode()
            while item is not None:
                piece += b"," * (last is not None) + line(self._written(item))
                last = item
                if len(piece) >= _PIECE_BYTES:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    piece = b""
                item = await anext(items, None)
        rest = line(dict(self._rest(last)))
        piece += b"]" + (b"," + rest[1:] if len(rest) > 2 else b"}")
        await send({"type": "http.response.body", "body": piece, "more_body": False})
