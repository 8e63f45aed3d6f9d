"""What a version takes and gives: ``{"inputs": [...], "outputs": [...], "params": [...]}`` in JSON."""

import json
from collections.abc import Mapping
from typing import Any

from colonnade.errors import InvalidArgument
from colonnade.registry.domain import ENCODERS
from colonnade.security.inputs import JsonLimits, check_text, parse_object
from colonnade.security.inputs.catalogue import MAX_SIGNATURE_BYTES

_PARTS = ("inputs", "outputs", "params")
_TYPES = frozenset({
    "any", "array", "binary", "boolean", "datetime", "double", "float", "integer", "long", "object", "string",
    "tensor",
})  # fmt: skip
_NAMES = {"name", "type", "shape", "required"}
_MOST = 1000
_LIMITS = JsonLimits(max_bytes=MAX_SIGNATURE_BYTES)
_TEXT = {"name": "text", "type": "string", "required": True}
_OF_LANGUAGE_MODELS: Mapping[str, list[Mapping[str, Any]]] = {
    "inputs": [{"name": "prompt", "type": "string", "required": True}],
    "outputs": [_TEXT],
    "params": [
        {"name": "max_tokens", "type": "integer", "required": False},
        {"name": "temperature", "type": "double", "required": False},
        {"name": "seed", "type": "long", "required": False},
    ],
}
_OF_ENCODERS: Mapping[str, list[Mapping[str, Any]]] = {
    "inputs": [_TEXT],
    "outputs": [{"name": "embedding", "type": "float", "shape": [-1], "required": True}],
    "params": [],
}


def default_signature(family: str) -> str:
    """Of a version whose author gave none: text in and text out, or vectors."""
    return json.dumps(_OF_ENCODERS if family in ENCODERS else _OF_LANGUAGE_MODELS)


def check_signature(text: str) -> str:
    """``text``, when it is a signature. The refusal names the part of it that is none."""
    check_text(text, "signature", MAX_SIGNATURE_BYTES)
    found = parse_object(text.encode(), _LIMITS, "signature")
    if unknown := sorted(found.keys() - set(_PARTS)):
        raise _refusal("signature", f"has the parts {', '.join(_PARTS)}; {unknown[0]} is none of them")
    for part in _PARTS:
        fields = found.get(part, [])
        if not isinstance(fields, list) or len(fields) > _MOST:
            raise _refusal(f"signature.{part}", f"must be a list of at most {_MOST} fields")
        for index, each in enumerate(fields):
            _check_field(each, f"signature.{part}[{index}]")
    return text


def _check_field(found: object, where: str) -> None:
    if not isinstance(found, dict):
        raise _refusal(where, "must be an object with a name and a type")
    if unknown := sorted(found.keys() - _NAMES):
        raise _refusal(where, f"has name, type, shape and required; {unknown[0][:50]} is none of them")
    if not isinstance(found.get("name"), str) or not 1 <= len(found["name"]) <= 128:
        raise _refusal(f"{where}.name", "must be 1 to 128 characters")
    if not isinstance(found.get("type"), str) or found["type"] not in _TYPES:
        raise _refusal(f"{where}.type", f"must be one of {', '.join(sorted(_TYPES))}")
    if not isinstance(found.get("required", True), bool):
        raise _refusal(f"{where}.required", "must be true or false")
    shape = found.get("shape", [])
    if not isinstance(shape, list) or len(shape) > 16 or not all(map(_is_side, shape)):
        raise _refusal(f"{where}.shape", "must be at most 16 whole numbers; -1 is a side of any length")


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 2**53


def _refusal(field: str, words: str) -> InvalidArgument:
    return InvalidArgument(f"{field} {words}", field=field)
