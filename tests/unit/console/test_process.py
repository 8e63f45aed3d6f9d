"""The console as a process: its settings, what it says of itself, and what it does without."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.datastructures import Headers

from colonnade.console.app import cookie_name
from colonnade.console.places import all_places
from colonnade.console.settings import ConsoleSettings
from colonnade.console.theme import after, theme_of


def test_places_are_found_and_ordered() -> None:
    places = all_places()
    assert [place.title for place in places] == [
        "Playground",
        "Models",
        "Rollouts",
        "Keys",
        "Usage",
        "Engines",
        "Training",
        "Memory",
        "Ethics",
        "Operations",
    ]
    assert len({place.path for place in places}) == len(places)
    assert {place.title for place in places if place.coming} == {"Operations"}


def test_on_loopback_it_answers_to_loopback_names_alone() -> None:
    assert ConsoleSettings().hosts == ("127.0.0.1", "localhost", "[::1]")
    assert ConsoleSettings(listen="0.0.0.0:8081").hosts == ("*",)
    assert ConsoleSettings(allowed_hosts="a.example, b.example:80").hosts == ("a.example", "b.example:80")
    assert not ConsoleSettings(listen="0.0.0.0:8081").local


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "http://", "file:///etc/passwd"])
def test_the_gateways_address_is_checked(url: str) -> None:
    with pytest.raises(ValidationError, match="gateway_url"):
        ConsoleSettings(gateway_url=url)


def test_consoles_on_one_machine_do_not_share_a_cookie() -> None:
    assert cookie_name("127.0.0.1:8081") != cookie_name("127.0.0.1:9081")


def test_the_theme_goes_round() -> None:
    assert [after("system"), after("light"), after("dark")] == ["light", "dark", "system"]
    assert theme_of(Headers({"cookie": "colonnade_theme=dark"})) == "dark"
    assert theme_of(Headers({"cookie": "colonnade_theme=purple"})) == "system"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "colonnade.console", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def test_check_tells_what_would_be_used(tmp_path: Path) -> None:
    done = run("--check", COLONNADE_HOME=str(tmp_path), COLONNADE_CONSOLE_GATEWAY_URL="http://gateway:1234/")
    assert done.returncode == 0, done.stderr
    assert '"gateway": "http://gateway:1234"' in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    done = run(COLONNADE_HOME=str(tmp_path), COLONNADE_CONSOLE_LISTEN="nowhere")
    assert done.returncode == 2
    assert done.stderr == "console: listen must be host:port\n"


def test_no_service_no_torch_and_no_database_come_along() -> None:
    code = "import sys, colonnade.console.app; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    names = set(loaded.stdout.split())
    assert not names & {
        "torch",
        "sqlalchemy",
        "colonnade.gateway",
        "colonnade.registry",
        "colonnade.inference",
    }
