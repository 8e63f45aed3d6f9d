"""The store of adaptations: on a file and on a real server."""

import pytest

from colonnade.ethics.adapting.adapters.sql_adaptations import SqlAdaptations
from tests.contract.conftest import KINDS, Opener


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest, opened: Opener) -> SqlAdaptations:
    return SqlAdaptations(opened(request.param, "colonnade.ethics"))
