"""A database server that is not there, does not let us in, is killed, and comes back."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from colonnade.errors import Unavailable
from colonnade.gateway.__main__ import main as gateway
from colonnade.registry.__main__ import main as registry
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.storage.sql import Database
from tests.harness.platform import free_port
from tests.harness.postgres import Postgres
from tests.harness.postgres import postgres as running
from tests.unit.registry.fakes import draft

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


def nowhere(name: str = "models") -> str:
    return f"postgresql://svc:hunter2@127.0.0.1:{free_port()}/{name}"


@pytest.mark.parametrize(
    ("service", "main"), [("REGISTRY", registry), ("GATEWAY", gateway)], ids=["registry", "gateway"]
)
def test_a_service_says_which_setting_names_a_server_that_is_not_there(
    service: str, main: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"COLONNADE_{service}_DATABASE_URL", nowhere())
    assert main(["--check"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == (
        f"{service.lower()}: the database server cannot be reached; see COLONNADE_{service}_DATABASE_URL"
    )


async def test_a_database_that_the_server_does_not_have(postgres: Postgres, logs: list[Any]) -> None:
    database = Database(postgres.url("never"), setting="DATABASE")
    with pytest.raises(Unavailable, match="knows no such database or user; see DATABASE") as refusal:
        async with database.reading():
            pass
    assert refusal.value.details["retry_after_seconds"] > 0
    await database.close()


async def test_a_password_is_in_no_refusal_and_no_line_of_the_log(logs: list[Any]) -> None:
    database = Database(nowhere())
    for _ in range(2):
        with pytest.raises(Unavailable) as refusal:
            await database.write(_nothing)
        assert "hunter2" not in refusal.value.message
    await database.close()
    assert [line["event"] for line in logs] == ["the database is away"], "said once, not at every try"
    assert "hunter2" not in json.dumps(logs)


@pytest.mark.slow
async def test_what_was_acknowledged_outlives_the_server_and_work_goes_on(logs: list[Any]) -> None:
    with running(keeps=True) as server:
        database = Database(server.database("colonnade.registry"))
        store, acknowledged = SqlVersionStore(database), set[int]()
        enough, busy = 0, asyncio.Event()
        seeds = iter(range(1, 1_000_000))

        async def write() -> None:
            """Until the server is gone."""
            for seed in seeds:
                version = await store.register(draft(f"model-{seed}", seed), alias="")
                acknowledged.add(seed)
                if len(acknowledged) >= enough:
                    busy.set()
                assert version.manifest.version == 1

        for _ in range(2):
            enough, busy = len(acknowledged) + 30, asyncio.Event()
            writers = [asyncio.create_task(write()) for _ in range(3)]
            await busy.wait()
            await asyncio.to_thread(server.kill)
            ended = await asyncio.gather(*writers, return_exceptions=True)
            assert all(isinstance(each, Unavailable) for each in ended), ended
            with pytest.raises(Unavailable, match="cannot be reached"):
                await store.find_model("model-1")
            await asyncio.to_thread(server.start)
            for seed in acknowledged:
                assert await store.find_model(f"model-{seed}") is not None
        await database.close()
    said = [line["event"] for line in logs if "database" in line["event"]]
    assert said == ["the database is away", "the database is back"] * 2


async def test_connections_that_an_operator_ends_are_made_anew(postgres: Postgres) -> None:
    name = postgres.database().rpartition("/")[2]
    database = Database(postgres.url(name))
    for _ in range(3):
        await database.write(_nothing)
        ended = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        assert postgres.execute(ended) == [(True,)]
    await database.close()


async def _nothing(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))
