"""``colonnade engines``"""

import json
from collections.abc import Callable
from typing import Any

from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]


def test_engines_are_shown_with_why_they_get_nothing(stub: Stub, colonnade: Run) -> None:
    told = colonnade("engines").out
    assert "unix:/e.sock" in told
    assert "12 tokens" in told
    assert "10.0.0.7:9000: left out for" in told
    assert "no requests of sha256:abababababab" in told
    assert "until one request goes well" in told


def test_engines_for_programs(stub: Stub, colonnade: Run) -> None:
    first, second = json.loads(colonnade("engines", "--json").out)
    assert (first["ready"], first["lease_seconds"], first["models"]) == (True, None, ["smollm2:1"])
    assert [breaker["state"] for breaker in second["breakers"]] == ["open", "half_open"]


def test_without_an_engine_it_says_how_one_comes(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/engines"] = Answer(body={"engines": []})
    assert "COLONNADE_ENGINE_REGISTER_WITH" in colonnade("engines").err
