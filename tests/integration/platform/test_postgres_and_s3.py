"""A platform whose data is on servers: it answers, outlives its database's death, and starts elsewhere."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from colonnade.security.seals import SigningKey
from tests.harness.platform import Platform, eventually, running
from tests.harness.postgres import Postgres, postgres
from tests.harness.s3 import S3, s3
from tests.harness.tiny_model import write_tiny_llama

ASKED = {"prompt": "one two", "max_tokens": 6, "preset": "deterministic", "logit_bias": {"0": -100}}


@pytest.fixture
def database() -> Iterator[Postgres]:
    with postgres(keeps=True) as server:
        yield server


@pytest.fixture
def objects() -> Iterator[S3]:
    with s3() as server:
        yield server


@pytest.fixture
def environment(database: Postgres, objects: S3, tmp_path: Path) -> Mapping[str, str]:
    url, key = database.database(), tmp_path / "signing-key.pem"
    key.write_bytes(SigningKey.generate().private_pem())
    return {
        **objects.environment,
        "COLONNADE_BLOBS_URL": objects.url("platform"),
        "COLONNADE_REGISTRY_DATABASE_URL": url,
        "COLONNADE_GATEWAY_DATABASE_URL": url,
        "COLONNADE_TRAINING_DATABASE_URL": url,
        "COLONNADE_MEMORY_DATABASE_URL": url,
        "COLONNADE_ETHICS_DATABASE_URL": url,
        "COLONNADE_REGISTRY_SIGNING_KEY": str(key),  # that of a home of its own would be another's stranger
        "COLONNADE_REGISTRY_IMPORT_ROOTS": str(tmp_path),
    }


def answer(platform: Platform) -> dict[str, Any]:
    with platform.client() as client:
        response = client.post("/generate", json=ASKED)
        assert response.status_code == 200, response.text
        return dict(response.json())


def answers(platform: Platform) -> bool:
    with platform.client() as client:
        asked = client.get("/models"), client.post("/generate", json=ASKED)
    return all(response.status_code == 200 for response in asked)


def used(platform: Platform) -> int:
    """Requests that the ledger has."""
    with platform.client() as client:
        return int(client.get("/usage").json()["total"]["requests"])


def test_models_and_data_are_on_the_servers_and_nowhere_else(
    environment: Mapping[str, str], database: Postgres, tmp_path: Path
) -> None:
    write_tiny_llama(tmp_path / "tiny")
    with running("--no-import", home=None, **environment) as platform:
        platform.command("models", "import", str(tmp_path / "tiny"), "--name", "tiny")
        first = answer(platform)
        with platform.client() as client:
            kept = client.post("/memory/remember", json={"text": "The courtyard closes at nine."})
        assert kept.status_code in {200, 201}, kept.text
        assert not list(platform.home.rglob("*.db"))
        assert not (platform.home / "blobs").exists()
        assert list(platform.home.glob("cache/blobs/sha256/*/*"))

        database.kill()
        with platform.client() as client:
            response = client.get("/models")
        assert response.status_code == 503
        assert "database" in response.json()["error"]["message"]
        database.start()
        eventually(lambda: answers(platform), 60, "the platform answers again")
        assert answer(platform)["text"] == first["text"]
        counted = used(platform)
        assert counted >= 3
        platform.command("models", "export", "tiny", str(tmp_path / "exported"))
        assert (tmp_path / "exported" / "config.json").exists()

    with running("--no-import", home=None, **environment) as platform:  # in a home that knows nothing
        assert answer(platform)["text"] == first["text"]
        assert used(platform) == counted + 1
        with platform.client() as client:
            found = client.post("/memory/search", json={"query": "When does the courtyard close?"})
        assert [hit["memory"]["text"] for hit in found.json()["hits"]] == ["The courtyard closes at nine."]
