"""The store of reports: on a file and on a real server."""

import pytest

from colonnade.ethics.bias.adapters.sql_reports import SqlReports
from tests.contract.conftest import KINDS, Opener


@pytest.fixture(params=KINDS)
async def reports(request: pytest.FixtureRequest, opened: Opener) -> SqlReports:
    return SqlReports(opened(request.param, "colonnade.ethics"))
