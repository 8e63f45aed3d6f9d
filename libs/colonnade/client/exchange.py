"""The rules of one exchange: headers, errors and when to try again. Pure, shared by both clients."""

import json
import random
import ssl
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from colonnade.client.calls import OCTETS, Request
from colonnade.client.configuration import Configuration
from colonnade.client.parsing import not_understood
from colonnade.client.readers import error_in
from colonnade.errors import (
    HTTP_STATUS,
    Cancelled,
    Code,
    ColonnadeError,
    DeadlineExceeded,
    InvalidArgument,
    Unavailable,
)

MAX_WAIT_SECONDS = 30.0
"""A longer Retry-After is left to the caller."""
_FIRST_BACKOFF_SECONDS = 0.2
_TRANSIENT = frozenset({429, 502, 503, 504})
_INVITING = frozenset({429, 503})
_CONNECT_SECONDS = 5.0

_CODE_OF_STATUS = {status: code for code, status in HTTP_STATUS.items()} | {
    400: Code.INVALID_ARGUMENT,
    405: Code.UNSUPPORTED,
    409: Code.CONFLICT,
    408: Code.DEADLINE_EXCEEDED,
    422: Code.INVALID_ARGUMENT,
    502: Code.UNAVAILABLE,
}


def client_options(configuration: Configuration) -> dict[str, Any]:
    """What both kinds of ``httpx`` client are made with."""
    # Reading the trusted authorities takes a while; where no TLS is spoken, none are trusted.
    plain = configuration.base_url.startswith("http:")
    return {
        "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
        "base_url": configuration.base_url,
        "timeout": httpx.Timeout(configuration.timeout, connect=_CONNECT_SECONDS),
        # A proxy of the environment would not find this machine's own loopback.
        "trust_env": not configuration.loopback,
    }


def arguments(configuration: Configuration, request: Request, request_id: str) -> dict[str, Any]:
    """What ``httpx.Client.build_request`` takes."""
    headers = {"accept": request.accept, "x-request-id": request_id, "user-agent": "colonnade-python"}
    if configuration.api_key:
        headers["authorization"] = f"Bearer {configuration.api_key}"
    if request.idempotency_key:
        headers["idempotency-key"] = request.idempotency_key
    if request.cache_control:
        headers["cache-control"] = request.cache_control
    headers |= request.headers or {}
    content: dict[str, Any] = {} if request.raw is None else {"content": request.raw}
    if request.pieces is not None:
        content = {"content": request.pieces}
    if request.body is not None:
        content = {"content": encoded(request.body)}
        headers["content-type"] = "application/json"
    if request.form is not None:
        form = request.form
        content = {"data": {"purpose": form.purpose}, "files": {"file": (form.filename, form.content)}}
    return {"method": request.method, "url": request.path, "headers": headers, **content}


def encoded(body: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8. Lone surrogates and NaN go out as they are, for the platform to name the field."""
    try:
        return json.dumps(body).encode()
    except (TypeError, ValueError):
        field = next(name for name, value in body.items() if not _is_json(value))
        raise InvalidArgument(
            f"{field} holds a value that JSON cannot: send text, numbers, lists", field=field
        ) from None


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def new_request_id() -> str:
    return uuid.uuid4().hex


def body_of(response: httpx.Response) -> Any:
    """The decoded body; None where there is none. ``Internal`` where it is not JSON, and should be."""
    if response.request.headers.get("accept") == OCTETS:
        return response.content
    if not response.content:
        return None
    if response.headers.get("content-type", "").startswith("text/markdown"):
        return response.text
    try:
        return json.loads(response.content)
    except ValueError:
        raise not_understood("not JSON") from None


def check_events(response: httpx.Response) -> None:
    """``Internal`` for an answer that is no event stream, as of a web page where no platform is."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        raise not_understood("not an event stream")


def check_part(response: httpx.Response, start: int) -> None:
    """``Internal`` where something on the way answers with a whole file instead of what follows ``start``."""
    if start and response.status_code != 206:
        raise not_understood("a whole file where the rest of it was asked for")


def refusal(response: httpx.Response, request_id: str) -> ColonnadeError:
    """The error of an answer that was read; a body that is not the platform's is judged by its status."""
    if response.has_redirect_location:
        return not_understood("a redirect")
    fallback = _CODE_OF_STATUS.get(
        response.status_code, Code.INVALID_ARGUMENT if response.status_code < 500 else Code.INTERNAL
    )
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    error = error_in(body, fallback.value, response.headers.get("x-request-id", request_id))
    seconds = retry_after(response)
    if seconds is not None:
        error.details.setdefault("retry_after_seconds", seconds)
    return error


def failure(
    error: httpx.HTTPError | httpx.StreamError, configuration: Configuration, request_id: str
) -> ColonnadeError:
    """A broken exchange in the platform's terms, with the remedy."""
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return DeadlineExceeded(
            f"no answer within {configuration.timeout:g} s; give the client a longer timeout",
            limit=configuration.timeout,
            request_id=request_id,
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Unavailable(
            f"cannot reach {configuration.base_url}; is the platform running? Start it with `colonnade up`, "
            "or set COLONNADE_URL to where it is",
            request_id=request_id,
        )
    return Unavailable(
        "the connection broke before the answer was complete; the platform may have stopped, try again",
        request_id=request_id,
    )


def unfinished() -> Cancelled:
    return Cancelled("the stream was not read to its end and has no result; iterate over it or call wait()")


def retry_after(response: httpx.Response) -> float | None:
    """Seconds of the Retry-After header; its form as a date is not used by the platform."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


class Patience:
    """Decides, failure by failure, whether to try again, and after how many seconds."""

    def __init__(self, request: Request, max_retries: int) -> None:
        self._request = request
        self._left = max_retries
        self._backoff = _FIRST_BACKOFF_SECONDS
        self._waited = 0.0

    def after_refusal(self, response: httpx.Response) -> float | None:
        """Anything that was refused with an invitation to come back; GETs also without one."""
        status, seconds = response.status_code, retry_after(response)
        if seconds is not None and status in _INVITING:
            return self._grant(seconds)
        return self._grant(self._step()) if self._request.repeatable and status in _TRANSIENT else None

    def after_failure(self) -> float | None:
        """After a broken connection: GETs only; anything else may have been done."""
        return self._grant(self._step()) if self._request.repeatable else None

    def _step(self) -> float:
        step, self._backoff = self._backoff, self._backoff * 2
        return step * random.uniform(0.5, 1.5)  # noqa: S311 - spreads clients, guards nothing

    def _grant(self, seconds: float) -> float | None:
        if self._left == 0 or self._waited + seconds > MAX_WAIT_SECONDS:
            return None
        self._left -= 1
        self._waited += seconds
        return seconds
