"""The process: settings, what it refuses to do, ``--check``, and a real start and stop."""

import asyncio
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from colonnade.errors import PermissionDenied
from colonnade.gateway.__main__ import key_store, report
from colonnade.gateway.domain.keys import KeyRecord
from colonnade.gateway.settings import GatewaySettings
from colonnade.security import keys
from colonnade.security.audit import verify
from colonnade.security.identity import Role

BOOTSTRAP = str(keys.generate())


def configured(monkeypatch: pytest.MonkeyPatch, **values: str) -> GatewaySettings:
    for name, value in values.items():
        monkeypatch.setenv(f"COLONNADE_GATEWAY_{name.upper()}", value)
    return GatewaySettings()


def test_defaults() -> None:
    settings = GatewaySettings()
    assert settings.listen == "127.0.0.1:8080"
    assert settings.http.loopback
    assert settings.limits.prompt_bytes == 256 * 1024
    assert settings.database.endswith("/data/gateway/gateway.db")
    assert settings.bootstrap_key.get_secret_value() == ""


def test_lists_and_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(
        monkeypatch, allowed_hosts="a.example, b.example,", listen="0.0.0.0:80", body_bytes="2048"
    )
    assert settings.http.allowed_hosts == ("a.example", "b.example")
    assert not settings.http.loopback
    assert settings.http.max_body_bytes == 2048
    with pytest.raises(ValidationError):
        configured(monkeypatch, max_requests="0")


def test_a_malformed_bootstrap_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as caught:
        configured(monkeypatch, bootstrap_key="ck_hunter2")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(configured(monkeypatch, bootstrap_key=BOOTSTRAP))


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080", "gateway.example:80"])
async def test_an_open_gateway_binds_loopback_only(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    with pytest.raises(PermissionDenied, match="loopback"):
        await report(configured(monkeypatch, listen=listen))


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
async def test_loopback_needs_no_key(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    await report(configured(monkeypatch, listen=listen))


async def test_a_bootstrap_key_opens_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    await report(configured(monkeypatch, listen="0.0.0.0:8080", bootstrap_key=BOOTSTRAP))


async def test_a_key_ever_made_opens_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(monkeypatch, listen="0.0.0.0:8080")
    async with key_store(settings) as store:
        key, _ = keys.issue("local", frozenset({Role.ADMIN}), datetime.now(UTC))
        await store.add(KeyRecord(key))
    await report(settings)


@pytest.fixture
def home(short_folder: Path) -> Path:
    return short_folder


async def start(home: Path, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COLONNADE_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "colonnade.gateway",
        *arguments,
        env=inherited | {"COLONNADE_HOME": str(home)} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_it_refuses_in_words(home: Path) -> None:
    process = await start(home, "--check", COLONNADE_GATEWAY_LISTEN="0.0.0.0:8080")
    _, told = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert b"loopback" in told
    assert b"Traceback" not in told


async def test_it_serves_and_stops(home: Path) -> None:
    """Registry and inference are away: it lives, is not ready, and says so."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = await start(home, COLONNADE_GATEWAY_LISTEN=address)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            while b'"serving"' not in (line := await process.stderr.readline()):
                assert line, "the gateway ended before it served"
        async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
            assert (await client.get("/health/live")).status_code == 200
            ready = await client.get("/health/ready")
            assert ready.status_code == 503
            assert "registry" in ready.json()["error"]["message"]
            asked = await client.post("/generate", json={"prompt": "x"})
            assert asked.status_code == 503
            assert asked.headers["retry-after"]
            made = await client.post("/keys", json={"roles": ["admin"]})
            assert made.status_code == 201
            assert (await client.get("/models")).status_code == 401
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert verify(home / "audit" / "gateway.jsonl").ok
