"""Answers against the OpenAPI document that the gateway gives of itself."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from jsonschema import Draft202012Validator, ValidationError


class Described:
    """A field that the document does not name is a fault here, though clients should bear new ones."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = _closed(document)

    @property
    def keys(self) -> set[str]:
        """``METHOD /template``."""
        paths: Mapping[str, Any] = self._document["paths"]
        return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}

    def answers(self, key: str) -> Mapping[str, Any]:
        """By status."""
        method, path = key.split(" ")
        found: Mapping[str, Any] = self._document["paths"][path][method.lower()]["responses"]
        return found

    def check(self, key: str, response: httpx.Response) -> str:
        """Raises where an answer, or an event of it, is not what is said of it; returns its media type."""
        answers = self.answers(key)
        said = answers.get(str(response.status_code), answers["default"] if response.is_error else None)
        assert said is not None, f"{key}: nothing is said of {response.status_code}"
        if "content" not in said:
            assert not response.content, f"{key}: a body where none was spoken of"
            return ""
        kind = response.headers["content-type"].partition(";")[0]
        content = said["content"][kind]
        if kind == "text/event-stream":
            self.check_stream(content["itemSchema"]["anyOf"], response.text)
        elif kind == "application/json":
            self.validate(content["schema"], response.json())
        return kind

    def check_stream(self, kinds: list[Mapping[str, Any]], text: str) -> None:
        found = list(blocks(text))
        assert found, "a stream without events"
        for event in found:
            self._check_event(kinds, event)

    def validate(self, schema: Mapping[str, Any], value: Any) -> None:
        Draft202012Validator({**schema, "components": self._document["components"]}).validate(value)

    def _check_event(self, kinds: list[Mapping[str, Any]], event: Mapping[str, str]) -> None:
        wrong: list[str] = []
        for kind in kinds:
            try:
                self.validate(kind, event)
                data = kind["properties"]["data"]
                if "contentSchema" in data:
                    self.validate(data["contentSchema"], json.loads(event["data"]))
            except (ValidationError, json.JSONDecodeError) as error:
                wrong.append(str(error))
            else:
                return
        raise AssertionError("\n".join([f"{event} is none of:", *wrong]))


def blocks(text: str) -> Iterator[dict[str, str]]:
    """Server-sent events by their fields."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
        if fields:
            yield fields


def _closed(schema: Any) -> Any:
    """No object may have properties that are not named."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    inner = {name: _closed(each) for name, each in schema.items()}
    named = schema.get("type") == "object" and "properties" in schema
    return {"additionalProperties": False} | inner if named else inner
