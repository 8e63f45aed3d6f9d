"""What was changed behind the registry's back is not served: refused, on record, and mended."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.platform import Platform, free_port, running
from tests.harness.tiny_adapter import write_tiny_adapter

ASK = {"prompt": "The quick brown", "max_tokens": 2, "logit_bias": {"0": -100}}


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def sealed(tiny_model: Path, metrics_port: int) -> Iterator[Platform]:
    roots = str(tiny_model.parent)
    with running(
        "--no-import", COLONNADE_REGISTRY_IMPORT_ROOTS=roots, COLONNADE_ENGINE_METRICS_PORT=str(metrics_port)
    ) as started:
        started.command("models", "import", str(tiny_model), "--name", "anchor")
        yield started


def answer(platform: Platform, model: str) -> httpx.Response:
    with platform.client() as http:
        return http.post("/generate", json=ASK | {"model": model})


def version(platform: Platform, reference: str) -> dict[str, Any]:
    name, _, number = reference.partition(":")
    with platform.client() as http:
        found = http.get(f"/models/{name}").json()
    return next(each for each in found["versions"] if each["version"] == int(number))


def edit(platform: Platform, statement: str, *values: object) -> None:
    with sqlite3.connect(platform.home / "data" / "registry" / "registry.db", timeout=30) as database:
        assert database.execute(statement, values).rowcount == 1
    database.close()


def refusals(platform: Platform) -> list[dict[str, Any]]:
    lines = (platform.home / "audit" / "inference.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    return [each["facts"] for each in told if each["action"] == "inference.version.refused"]


def counted(port: int, reason: str) -> float:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    name = f'colonnade_engine_refused_loads_total{{reason="{reason}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


def imported(platform: Platform, tiny_model: Path, name: str, seed: int) -> str:
    """A model that is like no other, since its folder says so."""
    folder = tiny_model.parent / f"{name}-{seed}"
    if not folder.exists():
        from tests.harness.tiny_model import write_tiny_llama

        write_tiny_llama(folder, seed=seed)
    platform.command("models", "import", str(folder), "--name", name)
    return name


def test_a_bit_that_flipped_on_the_disk_is_noticed_and_mended(
    sealed: Platform, tiny_model: Path, metrics_port: int
) -> None:
    imported(sealed, tiny_model, "flipped", 11)
    weights = next(a for a in version(sealed, "flipped:1")["artefacts"] if a["path"].endswith(".safetensors"))
    hexadecimal = weights["digest"].removeprefix("sha256:")
    blob = sealed.home / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(content)
    before = counted(metrics_port, "file")
    refused = answer(sealed, "flipped")
    assert refused.status_code == 409
    assert "was changed" in refused.json()["error"]["message"]
    assert refusals(sealed)[-1]["model"] == "flipped"
    assert refusals(sealed)[-1]["reason"] == "file"
    assert counted(metrics_port, "file") > before
    imported(sealed, tiny_model, "flipped", 11)
    assert answer(sealed, "flipped").status_code == 200


def test_a_seal_that_was_forged_is_refused_until_the_version_is_signed(
    sealed: Platform, tiny_model: Path, metrics_port: int
) -> None:
    imported(sealed, tiny_model, "forged", 12)
    forge = "(SELECT bundle FROM seals WHERE model = 'anchor')"
    change = f"UPDATE seals SET bundle = {forge} WHERE model = 'forged'"
    edit(sealed, change)
    before = counted(metrics_port, "seal")
    refused = answer(sealed, "forged:1")
    assert refused.status_code == 409
    assert refused.json()["error"]["details"]["integrity"] == "seal"
    assert (refusals(sealed)[-1]["model"], refusals(sealed)[-1]["version"]) == ("forged", 1)
    assert counted(metrics_port, "seal") > before
    sealed.command("models", "sign", "forged:1")
    assert answer(sealed, "forged:1").status_code == 200


def test_a_version_rolled_back_in_the_database_is_refused_though_its_content_is_loaded(
    sealed: Platform, tiny_model: Path
) -> None:
    imported(sealed, tiny_model, "rolled", 13)
    imported(sealed, tiny_model, "rolled", 14)
    old = version(sealed, "rolled:1")["digest"]
    assert answer(sealed, "rolled:1").status_code == 200
    edit(sealed, "UPDATE versions SET content = content || '-' WHERE model = 'rolled' AND number = 1")
    edit(sealed, "UPDATE versions SET content = ? WHERE model = 'rolled' AND number = 2", old)
    refused = answer(sealed, "rolled:2")
    assert refused.status_code == 409, refused.text
    assert refused.json()["error"]["details"]["integrity"] in ("seal", "manifest")


def test_an_adapter_is_not_loaded_under_anothers_seal(sealed: Platform, tiny_model: Path) -> None:
    imported(sealed, tiny_model, "based", 15)
    for seed, name in enumerate(("odd", "even")):
        folder = write_tiny_adapter(tiny_model.parent / f"sealed-{name}", seed=seed)
        sealed.command("models", "import", str(folder), "--name", name, "--base", "based:1")
    assert answer(sealed, "even").status_code == 200
    change = "UPDATE seals SET bundle = (SELECT bundle FROM seals WHERE model = 'even') WHERE model = 'odd'"
    edit(sealed, change)
    refused = answer(sealed, "odd")
    assert refused.status_code == 409
    assert refusals(sealed)[-1]["model"] == "odd"
    assert answer(sealed, "even").status_code == 200
