"""Both clients' streams."""

from collections.abc import AsyncGenerator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import httpx

from colonnade.client import exchange
from colonnade.client.calls import StreamCall
from colonnade.client.sse import EventParser

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Stream(Generic[_Item, _Result]):
    """Items as they come, then ``result``. Opens at its first use; leaving it early cancels the work behind.

    Iterate over it directly, or inside ``with`` where the end of the block is the moment to cancel.
    """

    def __init__(self, client: "Colonnade", call: StreamCall[_Item, _Result]) -> None:
        self._client = client
        self._call = call
        self._reader = call.reader()
        self._response: httpx.Response | None = None
        self._result: _Result | None = None
        self._closed = False
        self.request_id = exchange.new_request_id()

    @property
    def result(self) -> _Result:
        """What the whole stream came to; there is one once the last item was read."""
        if self._result is None:
            raise exchange.unfinished()
        return self._result

    def wait(self) -> _Result:
        """Runs to the end and returns the result."""
        for _ in self:
            pass
        return self.result

    def close(self) -> None:
        """Cancels what has not come yet. Safe to call twice."""
        self._closed = True
        if self._response is not None:
            self._response.close()

    def __iter__(self) -> Iterator[_Item]:
        return self._read()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> httpx.Response:
        if self._response is None:
            self._response = self._client._send(self._call.request, self.request_id, stream=True)
        return self._response

    def _read(self) -> Iterator[_Item]:
        parser = EventParser()
        if self._closed:
            return
        try:
            response = self._open()
            exchange.check_events(response)
            for data in response.iter_bytes():
                for event in parser.feed(data):
                    if (item := self._reader.read(event)) is not None:
                        yield item
            self._result = self._reader.result()
        except (httpx.HTTPError, httpx.StreamError) as error:
            if not self._closed:
                raise exchange.failure(error, self._client.configuration, self.request_id) from None
        finally:
            self.close()


class AsyncStream(Generic[_Item, _Result]):
    """Items as they come, then ``result``. Opens at its first use; leaving it early cancels the work behind.

    Use ``async with`` where the iteration may be left early: the end of the block is the moment to cancel.
    """

    def __init__(self, client: "AsyncColonnade", call: StreamCall[_Item, _Result]) -> None:
        self._client = client
        self._call = call
        self._reader = call.reader()
        self._response: httpx.Response | None = None
        self._result: _Result | None = None
        self._closed = False
        self.request_id = exchange.new_request_id()

    @property
    def result(self) -> _Result:
        """What the whole stream came to; there is one once the last item was read."""
        if self._result is None:
            raise exchange.unfinished()
        return self._result

    async def wait(self) -> _Result:
        """Runs to the end and returns the result."""
        async for _ in self:
            pass
        return self.result

    async def aclose(self) -> None:
        """Cancels what has not come yet. Safe to call twice."""
        self._closed = True
        if self._response is not None:
            await self._response.aclose()

    def __aiter__(self) -> AsyncGenerator[_Item]:
        return self._read()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _open(self) -> httpx.Response:
        if self._response is None:
            self._response = await self._client._send(self._call.request, self.request_id, stream=True)
        return self._response

    async def _read(self) -> AsyncGenerator[_Item]:
        parser = EventParser()
        if self._closed:
            return
        try:
            response = await self._open()
            exchange.check_events(response)
            async for data in response.aiter_bytes():
                for event in parser.feed(data):
                    if (item := self._reader.read(event)) is not None:
                        yield item
            self._result = self._reader.result()
        except (httpx.HTTPError, httpx.StreamError) as error:
            if not self._closed:
                raise exchange.failure(error, self._client.configuration, self.request_id) from None
        finally:
            await self.aclose()
