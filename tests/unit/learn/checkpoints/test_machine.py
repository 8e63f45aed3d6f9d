import json

import pytest
import torch

from colonnade.learn.checkpoints import elsewhere, machine


def test_a_machine_is_told_by_plain_facts() -> None:
    here = machine()
    assert json.loads(json.dumps(here)) == here
    assert here["threads"] == torch.get_num_threads()
    assert here["versions"]["torch"] == torch.__version__
    assert here["cpu"]


def test_a_machine_is_like_itself() -> None:
    assert elsewhere(machine(), machine()) == []


def test_each_difference_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = machine()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    here = machine() | {"devices": ["a GPU"]}
    here["versions"]["torch"] = "9.9"
    assert elsewhere(stored | {"devices": []}, here) == [
        f"threads was {stored['threads']} and is 64",
        "devices was none and is a GPU",
        f"versions.torch was {torch.__version__} and is 9.9",
    ]


def test_a_fact_that_is_not_known_here_is_told() -> None:
    assert elsewhere({"fabric": "ring"}, {}) == ["fabric was ring and is absent"]
