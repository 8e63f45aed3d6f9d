"""LoRA adapters through the public door: imported with the command, asked for by name, beside each other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.harness.platform import Platform
from tests.harness.tiny_adapter import write_tiny_adapter

NAMES = ("poet", "clerk", "pirate")
GREEDY = {"prompt": "The quick brown", "max_tokens": 24, "preset": "deterministic"}


@pytest.fixture(scope="module")
def adapted(platform: Platform, tiny_model: Path) -> Platform:
    """The platform with adapters of unlike ranks."""
    for seed, name in enumerate(NAMES):
        folder = write_tiny_adapter(tiny_model.parent / name, seed=seed, rank=2 + 3 * seed)
        platform.command("models", "import", str(folder), "--name", name, "--base", "tiny:1")
    return platform


def _answer(platform: Platform, **more: Any) -> dict[str, Any]:
    with platform.client() as http:
        reply = http.post("/generate", json=GREEDY | more)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def test_an_adapter_changes_the_answer_and_is_named_in_it(adapted: Platform) -> None:
    plain, changed = _answer(adapted), _answer(adapted, adapter="poet")
    assert plain["text"] != changed["text"]
    assert "adapter" not in plain["model"]
    assert (changed["model"]["name"], changed["model"]["adapter"]["name"]) == ("tiny", "poet")
    assert changed["model"]["adapter"]["digest"].startswith("sha256:")
    assert _answer(adapted, adapter="poet:1", model="tiny")["text"] == changed["text"]


def test_an_adapter_named_as_the_model_stands_on_its_own_model(adapted: Platform) -> None:
    assert _answer(adapted, model="poet")["text"] == _answer(adapted, adapter="poet")["text"]


def test_unlike_adapters_and_none_at_once_answer_as_alone(adapted: Platform) -> None:
    asked: list[dict[str, Any]] = [{}, *({"adapter": name} for name in NAMES)] * 3
    alone = [_answer(adapted, **more)["text"] for more in asked[:4]]
    assert len(set(alone)) == 4
    with ThreadPoolExecutor(len(asked)) as pool:
        together = pool.map(lambda more: _answer(adapted, **more)["text"], asked)
        assert list(together) == alone * 3


def test_the_command_asks_with_an_adapter(adapted: Platform) -> None:
    told = adapted.command(
        "generate", "The quick brown", "--max-tokens", "24", "--preset", "deterministic",
        "-a", "poet", "--stats",
    )  # fmt: skip
    assert _answer(adapted, adapter="poet")["text"].strip() in told.stdout
    assert "tiny:1 with poet:1" in told.stderr


def test_models_show_what_adapters_are_and_belong_to(adapted: Platform) -> None:
    with adapted.client() as http:
        listed = {model["name"]: model for model in http.get("/models").json()["models"]}
        version = http.get("/models/poet").json()["versions"][0]
        base = http.get("/models/tiny").json()["versions"][0]
    assert (listed["poet"]["family"], listed["tiny"]["family"]) == ("lora", "transformer")
    assert listed["poet"]["base"] == version["base"] == base["digest"]
    assert listed["tiny"]["base"] == ""
    assert "lora" in adapted.command("models", "list").stdout


def test_an_adapter_is_never_the_default_model(adapted: Platform) -> None:
    assert _answer(adapted)["model"]["name"] == "tiny"


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"adapter": "tiny"}, 400, "adapter"),
        ({"adapter": "nobody"}, 404, "adapter"),
        ({"adapter": "poet", "model": "poet"}, 400, "adapter"),
    ],
)
def test_what_is_no_adapter_is_refused_by_name(
    adapted: Platform, more: dict[str, str], status: int, field: str
) -> None:
    with adapted.client() as http:
        reply = http.post("/generate", json=GREEDY | more)
    assert (reply.status_code, reply.json()["error"]["details"]["field"]) == (status, field)


def test_an_adapter_of_another_model_is_refused_when_it_comes(adapted: Platform, tiny_model: Path) -> None:
    folder = write_tiny_adapter(tiny_model.parent / "tall", layers=3)
    for base, told in (((), "base"), (("--base", "tiny:1"), "target_modules")):
        done = adapted.command("models", "import", str(folder), "--name", "tall", *base, check=False)
        assert done.returncode != 0
        assert told in done.stderr
    with adapted.client() as http:
        assert http.get("/models/tall").status_code == 404
