"""What every process reads of its environment."""

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from colonnade.errors import InvalidArgument
from colonnade.rpc import ProcessSettings


class Settings(ProcessSettings):
    model_config = SettingsConfigDict(env_prefix="COLONNADE_ENGINE_")
    service: ClassVar[str] = "engine"


def test_everything_lies_below_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_HOME", "/h")
    settings = Settings()
    assert settings.address == "unix:/h/run/engine.sock"
    assert settings.registry == "unix:/h/run/registry.sock"
    assert settings.inference == "unix:/h/run/inference.sock"
    assert settings.engines == ("unix:/h/run/engine.sock",)
    assert settings.data == Path("/h/data/engine")
    assert settings.identity == Path("/h/identity")


def test_addresses_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_ENGINE_LISTEN", "0.0.0.0:9000")
    monkeypatch.setenv("COLONNADE_ENGINE_ADDRESSES", "a:1, unix:/b ,,")
    monkeypatch.setenv("COLONNADE_REGISTRY_ADDRESS", "registry:9000")
    settings = Settings()
    assert settings.address == "0.0.0.0:9000"
    assert settings.engines == ("a:1", "unix:/b")
    assert settings.registry == "registry:9000"


def test_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/people/ann")
    monkeypatch.setenv("COLONNADE_HOME", "~/llm")
    monkeypatch.setenv("COLONNADE_IDENTITY_DIR", "~/keys")
    assert Settings().home == Path("/people/ann/llm")
    assert Settings().identity == Path("/people/ann/keys")


def test_a_home_too_long_for_sockets_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_HOME", "/" + "ü" * 50)
    with pytest.raises(
        InvalidArgument, match=r"COLONNADE_HOME .*117 bytes, at most 107.* shorter"
    ) as refused:
        _ = Settings().address
    assert refused.value.details["field"] == "COLONNADE_HOME"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COLONNADE_LOG_LEVEL", "LOUD"),
        ("COLONNADE_ENGINE_METRICS_PORT", "65536"),
        ("COLONNADE_ENGINE_METRICS_PORT", "-1"),
        ("COLONNADE_ENGINE_DRAIN_SECONDS", "-1"),
        ("COLONNADE_ENGINE_DRAIN_SECONDS", "nan"),
    ],
)
def test_wrong_values_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()
