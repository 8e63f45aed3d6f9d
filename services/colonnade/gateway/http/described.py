"""What routes answer, for the page alone: nothing here is looked at while a request is answered."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel, TypeAdapter

EVENT_STREAM = "text/event-stream"
Responses: TypeAlias = dict[int | str, dict[str, Any]]
"""As FastAPI's routes take them."""


@dataclass(frozen=True, slots=True)
class Events:
    """Server-sent events: what their ``data`` is, and how a stream looks."""

    data: Any
    """A model, or a union of models."""
    example: Sequence[Mapping[str, Any]]
    error: type[BaseModel] | None = None
    """Of the event ``error`` that may be the last; None where failures are among ``data``."""
    done: bool = True
    """``[DONE]`` follows the last one."""
    named: bool = False
    """Each event has its ``type`` as its name."""
    numbered: bool = False
    """Each event has its ``number`` as its id and its ``kind`` as its name."""
    end: Any = None
    """A model: what the ``data`` of an event ``end`` is, which comes last; so does its example."""

    def content(self) -> dict[str, Any]:
        """The stream as OpenAPI 3.2 describes one; to those that know 3.1 only, it is text."""
        text = {"type": "string"}
        kinds = [
            _event(
                _parsed(self.data),
                text if self.named or self.numbered else None,
                text if self.numbered else None,
            )
        ]
        if self.done:
            kinds.append(_event({"const": "[DONE]"}))
        if self.end is not None:
            kinds.append(_event(_parsed(self.end), {"const": "end"}))
        if self.error is not None:
            kinds.append(_event(_parsed(self.error), {"const": "error"}))
        return {"schema": {"type": "string"}, "itemSchema": {"anyOf": kinds}, "example": self._example()}

    def _example(self) -> str:
        names = [self._name(each) for each in self.example]
        parts = [
            f"{name}data: {json.dumps(each)}\n\n" for name, each in zip(names, self.example, strict=True)
        ]
        return "".join([*parts, *["data: [DONE]\n\n"] * self.done])

    def _name(self, each: Mapping[str, Any]) -> str:
        if self.numbered:
            return f"id: {each['number']}\nevent: {each['kind']}\n"
        if self.end is not None and each is self.example[-1]:
            return "event: end\n"
        return f"event: {each['type']}\n" if self.named else ""


def answers(model: Any, events: Events | None = None, *, status: int = 200) -> Responses:
    """JSON of this model and, where the request asks for them, events."""
    return {status: {"model": model} | (streamed(events)[200] if events else {})}


def streamed(events: Events) -> Responses:
    """Events alone."""
    return {200: {"content": {EVENT_STREAM: events.content()}}}


def texts(*kinds: str) -> Responses:
    """Text of these media types."""
    return {200: {"content": {kind: {"schema": {"type": "string"}} for kind in kinds}}}


def _event(
    data: dict[str, Any], name: dict[str, Any] | None = None, number: dict[str, Any] | None = None
) -> dict[str, Any]:
    fields = {"data": data} | ({"event": name} if name else {}) | ({"id": number} if number else {})
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _parsed(model: Any) -> dict[str, Any]:
    schema = TypeAdapter(model).json_schema(mode="serialization")
    content = _whole(schema, schema.get("$defs", {}))
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": content}


def _whole(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Every reference replaced by what it refers to: the page's definitions are FastAPI's to fill."""
    if isinstance(schema, list):
        return [_whole(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _whole(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    left_out = ("$defs", "discriminator")  # it refers to definitions as well
    return {name: _whole(each, definitions) for name, each in schema.items() if name not in left_out}
