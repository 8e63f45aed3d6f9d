"""``every_address``: who is behind a target."""

import asyncio
import socket
from typing import Any

import pytest

from colonnade.errors import Unavailable
from colonnade.rpc import every_address

PODS = [
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 9000)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.8", 9000)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 9000)),
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fd00::7", 9000, 0, 0)),
]


@pytest.mark.parametrize(
    "target",
    [
        "unix:/run/i.sock", "unix:///run/i.sock", "127.0.0.1:9000", "[::1]:9000", "localhost:9000",
        "dns:///localhost:9000", "10.0.0.7:9000", "dns:10.0.0.7:9000", "xds:///inference", "inference",
    ],
)  # fmt: skip
async def test_one_process_is_one_address(target: str) -> None:
    assert await every_address(target) == [target]


async def test_a_list_is_its_parts() -> None:
    assert await every_address("ipv4:10.0.0.7:1,10.0.0.8:2") == ["ipv4:10.0.0.7:1", "ipv4:10.0.0.8:2"]
    assert await every_address("ipv6:[fd00::1]:1, [::2]:2") == ["ipv6:[fd00::1]:1", "ipv6:[::2]:2"]
    assert await every_address("ipv4:10.0.0.7:1") == ["ipv4:10.0.0.7:1"]


@pytest.mark.parametrize("target", ["inference:9000", "dns:///inference:9000", "dns:inference:9000"])
async def test_a_name_is_all_that_it_has_now(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(host: str, port: int, **_: Any) -> Any:
        assert (host, port) == ("inference", 9000)
        return PODS

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    assert await every_address(target) == [
        "ipv4:10.0.0.7:9000", "ipv4:10.0.0.8:9000", "ipv6:[fd00::7]:9000",
    ]  # fmt: skip


async def test_a_name_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(Unavailable, match="inference has no addresses now"):
        await every_address("inference:9000")
