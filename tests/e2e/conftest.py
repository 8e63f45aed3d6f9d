"""One platform with a tiny model for all end-to-end tests that do not break it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.platform import Platform, running
from tests.harness.tiny_model import write_tiny_llama


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def platform(tiny_model: Path) -> Iterator[Platform]:
    with running("--no-import", COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent)) as started:
        started.command("models", "import", str(tiny_model), "--name", "tiny")
        yield started
