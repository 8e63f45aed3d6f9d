"""A conversation to begin with."""

from typing import Any

import pytest


@pytest.fixture
def chat() -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}
