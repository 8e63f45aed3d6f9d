"""Refusals without number do not fill the log."""

from typing import Any

import pytest

from colonnade.errors import Overloaded
from colonnade.gateway.http import entry
from colonnade.gateway.http.entry import Flood
from tests.unit.gateway.fakes import House


def test_so_many_lines_a_second_and_the_number_of_the_others() -> None:
    flood = Flood(2)
    assert [flood.worth_a_line(7.0 + tenth / 10) for tenth in range(5)] == [True, True, False, False, False]
    assert flood.worth_a_line(8.0)
    assert flood.forgotten() == 3
    assert flood.forgotten() == 0


async def test_a_refusal_without_a_line_is_counted_all_the_same(
    house: House, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = Flood(1)
    monkeypatch.setattr(entry, "_FLOOD", flood)
    house.generator.error = Overloaded("full", limit=1)
    async with house.client() as client:
        before = await _counted(client)
        for _ in range(8):
            assert (await client.post("/generate", json={"prompt": "x"})).status_code == 429
        assert await _counted(client) - before == 8
    lines = [line for line in logs if line.get("status") == 429]
    assert lines
    assert len(lines) + sum(line["unlogged"] for line in lines) + flood.forgotten() == 8


async def _counted(client: Any) -> float:
    text = (await client.get("/metrics")).text
    name = 'colonnade_gateway_requests_total{route="POST /generate",status="429"} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))
