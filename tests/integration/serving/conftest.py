"""The tiny model, for platforms whose engines are under Ray."""

from pathlib import Path

import pytest

from tests.harness.tiny_model import write_tiny_llama


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"))
