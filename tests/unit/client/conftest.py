"""Every scenario runs through the sync and the async client."""

from typing import Any

import pytest

from colonnade.client import AsyncColonnade, Colonnade
from tests.unit.client.platform import Caller


@pytest.fixture(params=[Colonnade, AsyncColonnade], ids=["sync", "async"])
def caller(request: Any) -> Caller:
    return Caller(request.param)
