"""``docs/settings.md`` lists every setting with its default, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from colonnade.console.settings import ConsoleSettings
from colonnade.engine.settings import EngineSettings
from colonnade.ethics.settings import EthicsSettings
from colonnade.gateway.settings import GatewaySettings
from colonnade.inference.settings import InferenceSettings
from colonnade.memory.settings import MemorySettings
from colonnade.registry.settings import RegistrySettings
from colonnade.rpc import ProcessSettings
from colonnade.serving.settings import ServingSettings
from colonnade.supervise.console import Console
from colonnade.supervise.defaults import CONSOLE_PORT, GATEWAY_PORT
from colonnade.supervise.engines import Engine, Engines
from colonnade.supervise.home import Home
from colonnade.supervise.replicas import Replicas
from colonnade.supervise.topology import platform
from colonnade.training.settings import TrainingSettings
from colonnade.vllm.settings import VllmSettings

ROOT = Path(__file__).parents[3]
CLASSES = (
    GatewaySettings, InferenceSettings, RegistrySettings, EngineSettings, ServingSettings, VllmSettings,
    ConsoleSettings, TrainingSettings, MemorySettings, EthicsSettings,
)  # fmt: skip
OF_EACH_SERVICE = ("METRICS_HOST", "DRAIN_SECONDS")
OF_THE_COMMAND = {
    "COLONNADE_URL": "", "COLONNADE_API_KEY": "", "COLONNADE_DEBUG": "", "COLONNADE_VLLM_PYTHON": ""
}  # fmt: skip


def documented() -> dict[str, str]:
    """Variable to default, as the tables have them."""
    rows = re.findall(
        r"^\| `(COLONNADE_[A-Z_<>]+)` \| (.+?) \| .+ \|$", (ROOT / "docs/settings.md").read_text(), re.M
    )
    found = {name: "" if default == "empty" else default.strip("`") for name, default in rows}
    assert len(found) == len(rows), "a setting stands in two rows"
    return found


def declared() -> Iterator[tuple[str, str]]:
    for settings in CLASSES:
        for name, field in settings.model_fields.items():
            yield variable(settings, name, field), shown(field.default)


def variable(settings: type[ProcessSettings], name: str, field: FieldInfo) -> str:
    if isinstance(field.validation_alias, str):
        return field.validation_alias
    short = name.upper()
    return f"COLONNADE_<SERVICE>_{short}" if short in OF_EACH_SERVICE else prefix(settings) + short


def prefix(settings: type[ProcessSettings]) -> str:
    return f"COLONNADE_{settings.service.upper()}_"


def shown(default: object) -> str:
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, float):
        return f"{default:g}"
    return "" if default is None else str(default)


def test_every_setting_is_in_the_tables_with_its_default() -> None:
    assert documented() == dict(declared()) | OF_THE_COMMAND


@pytest.mark.parametrize("settings", CLASSES, ids=lambda each: str(each.service))
def test_prefixes_are_the_services_names(settings: type[ProcessSettings]) -> None:
    assert settings.model_config["env_prefix"] == prefix(settings)
    assert settings.model_config["frozen"]


def test_the_supervisor_and_the_services_mean_the_same_defaults() -> None:
    home = Home(Path("/home"))
    under_ray = platform(home, engines=Engines(replicas=Replicas(1, 1)), environ={})
    both = platform(home, engines=Engines(Engine.BOTH), console=Console(), environ={})
    specs = {spec.name: spec for spec in (*both, *under_ray)}
    of_http: dict[type[ProcessSettings], int] = {GatewaySettings: GATEWAY_PORT, ConsoleSettings: CONSOLE_PORT}
    for settings in CLASSES:
        spec, fields = specs[settings.service], settings.model_fields
        port = of_http.get(settings) or fields["metrics_port"].default
        assert spec.ports == ((port,) if port else ())
        assert fields["listen"].default in ("", f"127.0.0.1:{port}")
        assert spec.grace_seconds > fields["drain_seconds"].default
    assert set(specs) == {settings.service for settings in CLASSES}
    ports = [settings.model_fields["metrics_port"].default for settings in CLASSES]
    assert len({port for port in ports if port}) == len([port for port in ports if port])
