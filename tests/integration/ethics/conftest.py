"""A model that is small enough for a platform of a test's own."""

from pathlib import Path

import pytest

from tests.harness.tiny_model import write_tiny_llama


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    return write_tiny_llama(tmp_path)
