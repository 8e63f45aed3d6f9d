"""One platform with a tiny model for all end-to-end tests that do not break it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.harness.platform import Platform, running
from tests.harness.tiny_model import write_tiny_bert, write_tiny_llama

KEY = f"ck_{'a' * 16}_{'b' * 43}"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def encoder(platform: Platform, tiny_model: Path) -> str:
    """The name of a sentence encoder on the platform."""
    folder = write_tiny_bert(tiny_model.parent / "encoder")
    platform.command("models", "import", str(folder), "--name", "tiny-encoder")
    return "tiny-encoder"


@pytest.fixture(scope="session")
def platform(tiny_model: Path) -> Iterator[Platform]:
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent),
        COLONNADE_TRAINING_WORK_DIR=str(tiny_model.parent),
        COLONNADE_TRAINING_WORKER_THREADS="1",
    ) as started:
        started.command("models", "import", str(tiny_model), "--name", "tiny")
        yield started


@pytest.fixture(scope="module")
def guarded(tiny_model: Path) -> Iterator[Platform]:
    """One that asks for keys, as OpenAI's client always sends one. Each module may fill it as it likes."""
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent),
        COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
        COLONNADE_API_KEY=KEY,
    ) as started:
        started.command("models", "import", str(tiny_model), "--name", "tiny")
        yield started


@pytest.fixture(scope="module")
def client(guarded: Platform) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{guarded.url}/v1", api_key=KEY, max_retries=0, timeout=120) as made:
        yield made
