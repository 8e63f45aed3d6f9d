"""The command as a person types it, against a stub of the platform."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from colonnade.cli.main import app
from colonnade.supervise.home import Home
from tests.unit.cli.stub import Stub, serving


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """COLONNADE_HOME, short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ch-"))
    monkeypatch.setenv("COLONNADE_HOME", str(folder))
    made = Home.of()
    made.prepare()
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    with serving() as platform:
        monkeypatch.setenv("COLONNADE_URL", platform.url)
        yield platform


@pytest.fixture
def colonnade() -> Callable[..., "Done"]:
    """``colonnade("models", "list", stdin="")``"""

    def run(*arguments: str, stdin: str | bytes | None = None) -> Done:
        result = CliRunner().invoke(app, arguments, input=stdin)
        return Done(result.exit_code, result.stdout, result.stderr)

    return run


class Done:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"
