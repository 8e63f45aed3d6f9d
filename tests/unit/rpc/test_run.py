"""What every service's command line does, with a service of our own."""

import json
from typing import ClassVar

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.rpc import ProcessSettings, run_service
from colonnade.telemetry.traces import version


class Settings(ProcessSettings):
    model_config = SettingsConfigDict(env_prefix="COLONNADE_SUBJECT_", frozen=True, extra="ignore")
    service: ClassVar[str] = "subject"
    size: int = Field(default=1, ge=1)


served: list[int] = []


async def serve(settings: Settings) -> None:
    if settings.size > 8:
        raise Unavailable("size is beyond what this machine has")
    served.append(settings.size)


async def report(settings: Settings) -> dict[str, object]:
    if settings.size > 8:
        raise InvalidArgument("size must be at most 8", field="size")
    return {"size": settings.size}


def start(*arguments: str) -> int:
    served.clear()
    return run_service(Settings, serve, report, arguments)


def test_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_SUBJECT_SIZE", "3")
    assert start() == 0
    assert served == [3]


def test_check_reports_and_serves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert start("--check") == 0
    told = json.loads(capsys.readouterr().out)
    assert {"service", "version", "listen", "home", "metrics_port", "size"} == told.keys()
    assert (told["service"], told["version"], told["size"]) == ("subject", version(), 1)
    assert served == []


@pytest.mark.parametrize(
    ("size", "arguments", "said"),
    [
        ("many", ("--check",), "size: "),
        ("0", (), "size: "),
        ("9", ("--check",), "size must be at most 8"),
        ("9", (), "size is beyond what this machine has"),
    ],
)
def test_a_refusal_is_one_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    size: str,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setenv("COLONNADE_SUBJECT_SIZE", size)
    assert start(*arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"subject: {said}")
    assert told.count("\n") == 1


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        start("--version")
    assert left.value.code == 0
    assert capsys.readouterr().out.strip() == version()
