"""Signatures: what is one, and a refusal that names the part that is none."""

import json
from typing import Any

import pytest

from colonnade.errors import InvalidArgument, TooLarge
from colonnade.registry.catalogue.signatures import check_signature, default_signature

FIELD = {"name": "prompt", "type": "string", "shape": [-1, 3], "required": True}


@pytest.mark.parametrize("family", ["transformer", "encoder", "lora"])
def test_a_default_is_one(family: str) -> None:
    text = default_signature(family)
    assert check_signature(text) == text
    assert json.loads(text)["inputs"][0]["type"] == "string"


def test_all_that_may_be_said() -> None:
    text = json.dumps({"inputs": [FIELD], "outputs": [{"name": "text", "type": "string"}], "params": []})
    assert check_signature(text) == text
    assert check_signature("{}") == "{}"


@pytest.mark.parametrize(
    ("signature", "field"),
    [
        ([], "signature"),
        ({"input": []}, "signature"),
        ({"inputs": {}}, "signature.inputs"),
        ({"outputs": ["text"]}, "signature.outputs[0]"),
        ({"inputs": [FIELD | {"colour": 1}]}, "signature.inputs[0]"),
        ({"inputs": [FIELD, FIELD | {"name": ""}]}, "signature.inputs[1].name"),
        ({"params": [FIELD | {"type": "text"}]}, "signature.params[0].type"),
        ({"params": [FIELD | {"type": ["string"]}]}, "signature.params[0].type"),
        ({"params": [FIELD | {"required": 1}]}, "signature.params[0].required"),
        ({"params": [FIELD | {"shape": [-2]}]}, "signature.params[0].shape"),
        ({"params": [FIELD | {"shape": [True]}]}, "signature.params[0].shape"),
    ],
    ids=str,
)
def test_what_is_none(signature: Any, field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_signature(json.dumps(signature))
    assert refusal.value.details["field"] == field


def test_what_cannot_be_read() -> None:
    for text in ("", "{", "null"):
        with pytest.raises(InvalidArgument):
            check_signature(text)
    with pytest.raises(TooLarge):
        check_signature(" " * 70_000)
