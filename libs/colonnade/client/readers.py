"""What the events of a stream mean: items on the way, a result at the end. Pure, shared by both clients."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from colonnade.client.parsing import decoded, not_understood
from colonnade.client.results import Chunk, Generation, ImportProgress, Prepared, Token, Version
from colonnade.client.sse import Event
from colonnade.errors import Code, ColonnadeError, Unavailable, error_of

_Item = TypeVar("_Item", covariant=True)
_Result = TypeVar("_Result", covariant=True)


class Reader(Protocol[_Item, _Result]):
    """One stream's state."""

    def read(self, event: Event) -> _Item | None:
        """The item of an event; None for those that carry none. Raises what an error event says."""
        ...

    def result(self) -> _Result:
        """What the whole stream came to. ``Unavailable`` where it broke off before its end."""
        ...


@dataclass(slots=True)
class _Answer:
    """What has come of one answer."""

    text: list[str] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    ending: dict[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> dict[str, Any]:
        return self.ending | {"text": "".join(self.text), "logprobs": self.tokens or None}


class GenerationReader:
    """One answer, or several whose chunks come mixed. The event with the usage is the last."""

    def __init__(self) -> None:
        self._answers: defaultdict[int, _Answer] = defaultdict(_Answer)
        self._last: Generation | None = None

    def read(self, event: Event) -> Chunk | None:
        body = payload(event)
        if body is None:
            return None
        chunk = decoded(Chunk, body)
        if chunk.text or chunk.tokens or "finish_reason" in body:
            answer = self._answers[chunk.index]
            answer.text.append(chunk.text)
            answer.tokens += chunk.tokens
            if body.get("finish_reason"):
                answer.ending = {name: body.get(name) for name in ("finish_reason", "seed", "stop")}
        if body.get("usage") and self._answers:
            self._last = self._together(body)
        return chunk if chunk.text or chunk.tokens else None

    def result(self) -> Generation:
        if self._last is None:
            raise broken_off()
        return self._last

    def _together(self, body: dict[str, Any]) -> Generation:
        answers = [{"index": index} | self._answers[index].whole for index in sorted(self._answers)]
        choices = {"choices": answers} if len(answers) > 1 else {}
        return decoded(Generation, body | answers[0] | choices)


class ImportReader:
    def __init__(self) -> None:
        self._version: Version | None = None

    def read(self, event: Event) -> ImportProgress | None:
        body = payload(event)
        if body is None:
            return None
        progress = decoded(ImportProgress, body)
        self._version = progress.version or self._version
        return progress

    def result(self) -> Version:
        if self._version is None:
            raise broken_off()
        return self._version


class PrepareReader:
    def __init__(self) -> None:
        self._ready: list[Prepared] = []
        self._whole = False

    def read(self, event: Event) -> Prepared | None:
        body = payload(event)
        if body is None:
            self._whole = True
            return None
        step = decoded(Prepared, body)
        if step.state == "ready":
            self._ready.append(step)
        return step

    def result(self) -> list[Prepared]:
        if not (self._whole and self._ready):
            raise broken_off()
        return self._ready


def payload(event: Event) -> dict[str, Any] | None:
    """The JSON object of an event, None for the mark that ends the stream; an error event raises."""
    if event.data == "[DONE]":
        return None
    try:
        body = json.loads(event.data)
    except ValueError:
        raise not_understood("a stream event that is not JSON") from None
    if not isinstance(body, dict):
        raise not_understood("a stream event that is not an object")
    if event.kind == "error":
        raise error_in(body)
    return body


def error_in(body: Any, fallback: str = "internal", request_id: str = "") -> ColonnadeError:
    """The error of ``{"error": {"code", "message", "details", "request_id"}}`` as the platform raised it.

    ``fallback`` is the code for bodies that are not the platform's, as a proxy's.
    """
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        message = (
            f"the request was refused ({fallback}), and not by a Colonnade gateway; "
            "check base_url and any proxy on the way"
        )
        return error_of(fallback, message, {"request_id": request_id})
    if "param" in error:
        return _openai_error(error, fallback, request_id)
    given_details = error.get("details")
    details: dict[str, Any] = given_details if isinstance(given_details, dict) else {}
    code, message = str(error.get("code", fallback)), str(error.get("message", "the request was refused"))
    return error_of(code, message, details | {"request_id": str(error.get("request_id") or request_id)})


def _openai_error(error: dict[str, Any], fallback: str, request_id: str) -> ColonnadeError:
    """As below ``/v1``, where some codes have OpenAI's names: the status says those."""
    code = str(error.get("code"))
    details = {"request_id": request_id} | ({"field": error["param"]} if error["param"] else {})
    known = code if code in set(Code) else fallback
    return error_of(known, str(error.get("message", "the request was refused")), details)


def broken_off() -> Unavailable:
    """Of a stream without its last event."""
    return Unavailable("the stream broke off before its end; the platform may have stopped, try again")
