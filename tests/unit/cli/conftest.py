"""The command as a person types it, against a stub of the platform."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from colonnade.cli.main import app
from colonnade.supervise.home import Home
from tests.unit.cli.stub import Stub, serving


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("COLONNADE_HOME", str(short_folder))
    made = Home.of()
    made.prepare()
    return made


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
