"""JSON answers to dataclasses."""

import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from colonnade.client.results import Health, PlatformVersion
from colonnade.errors import Internal

_T = TypeVar("_T")
Parser: TypeAlias = Callable[[int, Any], _T]
"""From HTTP status and decoded body."""


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def decoded(kind: type[_T], body: Any) -> _T:
    """``body`` as ``kind``. ``Internal`` where the platform's answer is not one."""
    try:
        value: _T = _adapter(cast("Hashable", kind)).validate_python(body)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise not_understood(f"{kind.__name__}.{where}") from None
    return value


def not_understood(what: str) -> Internal:
    return Internal(
        f"the answer is not what this client expects ({what}); "
        "check that base_url is a Colonnade gateway and that client and platform have the same version"
    )


def one(kind: type[_T]) -> Parser[_T]:
    return lambda _status, body: decoded(kind, body)


def listed(name: str, kind: type[_T]) -> Parser[list[_T]]:
    """``{name: [...]}``."""

    def parse(_status: int, body: Any) -> list[_T]:
        if not isinstance(body, Mapping) or not isinstance(body.get(name), list):
            raise not_understood(name)
        return [decoded(kind, item) for item in body[name]]

    return parse


def nothing(_status: int, _body: Any) -> None:
    """For answers that carry nothing."""


def health(status: int, body: Any) -> Health:
    """Of the answer when ready, or of the details of the refusal when not."""
    told = body if isinstance(body, Mapping) else {}
    if isinstance(error := told.get("error"), Mapping):
        told = error.get("details") or {}
    return decoded(Health, {"ready": status == 200, "parts": told.get("parts", {})})


def version(_status: int, body: Any) -> PlatformVersion:
    if not isinstance(body, Mapping) or not isinstance(body.get("version"), str):
        raise not_understood("version")
    extra = {str(name): value for name, value in body.items() if name != "version"}
    return PlatformVersion(body["version"], extra)
