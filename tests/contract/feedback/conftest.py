"""The store of feedback: on a file and on a real server."""

import pytest

from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS, Opener


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, opened: Opener) -> Database:
    return opened(request.param, "colonnade.ethics")
