"""The items of an answer as they grow, and the events that tell of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from colonnade.gateway.domain.generation import Chunk, Token
from colonnade.gateway.domain.tools import CallPart
from colonnade.gateway.http.openai.about import logprobs_of

Event: TypeAlias = tuple[str, dict[str, Any]]
"""Its type, and what it says."""
_DONE, _CUT = "completed", "incomplete"


class Item(Protocol):
    def begun(self) -> Iterator[Event]: ...

    def ended(self, status: str) -> Iterator[Event]: ...

    def shown(self, status: str) -> dict[str, Any]: ...


@dataclass(slots=True)
class TextItem:
    """A message with one part."""

    id: str
    index: int
    texts: list[str] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    """Where log-probabilities were asked for."""

    def begun(self) -> Iterator[Event]:
        yield (
            "response.output_item.added",
            {"output_index": self.index, "item": self._message("in_progress", [])},
        )
        yield "response.content_part.added", self._place | {"part": _part("", [])}

    def add(self, text: str, tokens: Sequence[Token]) -> Iterator[Event]:
        self.texts.append(text)
        self.tokens += tokens
        yield "response.output_text.delta", self._place | {"delta": text, "logprobs": _logprobs(tokens)}

    def ended(self, status: str) -> Iterator[Event]:
        text, logprobs = "".join(self.texts), _logprobs(self.tokens)
        yield "response.output_text.done", self._place | {"text": text, "logprobs": logprobs}
        yield "response.content_part.done", self._place | {"part": _part(text, logprobs)}
        yield "response.output_item.done", {"output_index": self.index, "item": self.shown(status)}

    def shown(self, status: str) -> dict[str, Any]:
        return self._message(status, [_part("".join(self.texts), _logprobs(self.tokens))])

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self.index, "content_index": 0}

    def _message(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "type": "message", "role": "assistant", "status": status, "content": content}


@dataclass(slots=True)
class CallItem:
    """A call of a function."""

    id: str
    index: int
    call_id: str
    name: str
    arguments: list[str] = field(default_factory=list)

    def begun(self) -> Iterator[Event]:
        yield "response.output_item.added", {"output_index": self.index, "item": self.shown("in_progress")}

    def add(self, arguments: str) -> Iterator[Event]:
        if arguments:
            self.arguments.append(arguments)
            yield "response.function_call_arguments.delta", self._place | {"delta": arguments}

    def ended(self, status: str) -> Iterator[Event]:
        done = {"name": self.name, "arguments": "".join(self.arguments)}
        yield "response.function_call_arguments.done", self._place | done
        yield "response.output_item.done", {"output_index": self.index, "item": self.shown(status)}

    def shown(self, status: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "function_call",
            "call_id": self.call_id,
            "name": self.name,
            "arguments": "".join(self.arguments),
            "status": status,
        }

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self.index}


class Output:
    """One item is open at a time: the next one closes it."""

    def __init__(self, request_id: str, *, scored: bool) -> None:
        self._id = request_id
        self._scored = scored
        self._items: list[Item] = []
        self._open = False
        self._cut = False

    def take(self, chunk: Chunk) -> Iterator[Event]:
        """What a chunk's text and calls make."""
        tokens = chunk.tokens if self._scored else ()
        if chunk.text or (tokens and not chunk.calls):
            item = self._items[-1] if self._open else None
            if not isinstance(item, TextItem):
                item = TextItem(self._name("msg"), len(self._items))
                yield from self._begin(item)
            yield from item.add(chunk.text, tokens)
        for part in chunk.calls:
            yield from self._call(part)

    def end(self, *, cut: bool) -> Iterator[Event]:
        """Closes what is open; an answer of nothing is an empty message."""
        if not self._items:
            yield from self._begin(TextItem(self._name("msg"), 0))
        self._cut = cut
        yield from self._close(_CUT if cut else _DONE)

    @property
    def shown(self) -> list[dict[str, Any]]:
        """All items; the one that is open, or was cut short, is incomplete."""
        unfinished = self._open or self._cut
        last = len(self._items) - 1
        return [
            item.shown(_CUT if unfinished and at == last else _DONE) for at, item in enumerate(self._items)
        ]

    def _call(self, part: CallPart) -> Iterator[Event]:
        item = self._items[-1] if self._open else None
        if part.id or not isinstance(item, CallItem):
            item = CallItem(self._name("fc"), len(self._items), part.id, part.name)
            yield from self._begin(item)
        yield from item.add(part.arguments)

    def _begin(self, item: Item) -> Iterator[Event]:
        yield from self._close(_DONE)
        self._items.append(item)
        self._open = True
        yield from item.begun()

    def _close(self, status: str) -> Iterator[Event]:
        if self._open:
            self._open = False
            yield from self._items[-1].ended(status)

    def _name(self, prefix: str) -> str:
        return f"{prefix}_{self._id}_{len(self._items)}"


def _part(text: str, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def _logprobs(tokens: Sequence[Token]) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = logprobs_of(tokens)["content"]
    return content
