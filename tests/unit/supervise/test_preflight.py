"""What stops a start before it begins."""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colonnade.errors import Conflict, InvalidArgument, PermissionDenied
from colonnade.supervise import preflight
from colonnade.supervise.home import Home
from colonnade.supervise.supervisor import Supervisor
from colonnade.supervise.topology import ServiceSpec

Fake = Callable[..., ServiceSpec]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_port_in_use_starts_nothing(home: Home, fake: Fake, taken: int) -> None:
    with pytest.raises(Conflict, match=f"port {taken}, which the gateway needs.*--port"):
        await Supervisor(home, [fake("registry"), fake("gateway", ports=(taken,))]).run()
    assert not (home.root / "diary").exists()
    with pytest.raises(Conflict, match="COLONNADE_ENGINE_METRICS_PORT"):
        preflight.check_ports([fake("engine", ports=(taken,))])


async def test_a_gateway_that_others_may_not_reach_starts_nothing(home: Home, fake: Fake) -> None:
    specs = [fake("registry"), fake("gateway", "--refuses", "there is no API key yet", host="0.0.0.0")]
    with pytest.raises(InvalidArgument, match=r"^there is no API key yet$"):
        await Supervisor(home, specs).run()
    assert not (home.root / "diary").exists()


def test_only_a_gateway_beyond_loopback_is_asked(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses = ("--refuses", "no")
    preflight.check_open([fake("engine", *refuses, host="0.0.0.0"), fake("gateway", *refuses)])
    preflight.check_open([fake("gateway", *refuses, host="::1"), fake("gateway", host="0.0.0.0")])
    monkeypatch.setattr(preflight, "_CHECK_SECONDS", 0.0)
    preflight.check_open([fake("gateway", *refuses, host="0.0.0.0")])  # it says so itself


def test_a_port_of_roots(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "port_problem", lambda host, port: 13)
    with pytest.raises(InvalidArgument, match="above 1023"):
        preflight.check_ports([fake("gateway", ports=(80,))])


def test_the_lock_is_held_by_one_and_free_afterwards(home: Home) -> None:
    assert preflight.holder(home) is None
    with preflight.locked(home):
        assert preflight.holder(home) == os.getpid()
        with pytest.raises(Conflict, match=f"pid {os.getpid()}"), preflight.locked(home):
            raise AssertionError("never reached")
    assert preflight.holder(home) is None
    with preflight.locked(home):
        assert preflight.holder(home) == os.getpid()


def test_a_home_too_deep_for_sockets(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="shorter"):
        Home(tmp_path / ("x" * 120)).prepare()


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "h").touch()
    with pytest.raises(InvalidArgument, match="not a folder"):
        Home.of(tmp_path / "h").prepare()


def test_a_home_of_somebody_else(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4242)
    with pytest.raises(PermissionDenied, match="another user"):
        home.prepare()


def test_a_home_that_cannot_be_made() -> None:
    with pytest.raises(PermissionDenied, match="--home"):
        Home(Path("/proc/nothing/here")).prepare()


def test_doors_left_open_are_closed(home: Home) -> None:
    home.run.chmod(0o755)
    home.prepare()
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


def test_where_home_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_HOME", "/one")
    assert Home.of().root == Path("/one")
    assert Home.of("/two").root == Path("/two")
    monkeypatch.delenv("COLONNADE_HOME")
    assert Home.of().root == Path("~/.colonnade").expanduser()
