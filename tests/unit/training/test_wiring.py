"""Which runner the settings choose, and what they cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument
from colonnade.training.adapters.child_process import ChildProcessRunner
from colonnade.training.adapters.kubernetes_jobs import KubernetesJobs
from colonnade.training.adapters.submitted import SubmittedRunner
from colonnade.training.settings import TrainingSettings
from colonnade.training.wiring import check_runner, running

TEMPLATE = "kind: RayJob\nspec: {rayClusterSpec: {headGroupSpec: {}}}\n"
LOCATION = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
"""What KUBECONFIG said when the client was imported."""
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: me, user: {}}]
"""


def settings(home: Path, **said: object) -> TrainingSettings:
    return TrainingSettings(**{"home": home, **said})  # type: ignore[arg-type]


async def test_processes_of_this_machine_are_the_default(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as runner:
        assert isinstance(runner, ChildProcessRunner)


async def test_a_ray_cluster(tmp_path: Path) -> None:
    said = settings(tmp_path, runner="ray", ray_address="http://head:8265/", workers="1:4", worker_gpus=1)
    async with running(said) as runner:
        assert isinstance(runner, SubmittedRunner)
        assert runner.place == "ray http://head:8265"


async def test_rayjobs_as_kubectl_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "config").write_text(KUBECONFIG)
    said = settings(tmp_path, runner="kubernetes", kubernetes_template=tmp_path / "template.yaml")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(LOCATION, str(tmp_path / "config"))
    async with running(said) as runner:
        assert runner.place == "kubernetes default"
    monkeypatch.setattr(LOCATION, str(tmp_path / "none"))
    with pytest.raises(InvalidArgument, match="KUBECONFIG"):
        KubernetesJobs.reached("default", {})


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"worker_python": "/nowhere/python"}, "WORKER_PYTHON"),
        ({"runner": "ray", "ray_token_file": "/nowhere/token"}, "RAY_TOKEN_FILE"),
        ({"runner": "ray", "worker_environment": "AWS_REGION"}, "WORKER_ENVIRONMENT"),
        ({"runner": "kubernetes"}, "KUBERNETES_TEMPLATE"),
        ({"runner": "kubernetes", "kubernetes_template": "/nowhere.yaml"}, "KUBERNETES_TEMPLATE"),
    ],
)
def test_what_cannot_work_names_the_setting(tmp_path: Path, said: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_runner(settings(tmp_path, **said))
    assert refusal.value.details["field"] == f"COLONNADE_TRAINING_{field}"


@pytest.mark.parametrize(
    "said",
    [
        {"runner": "spark"}, {"workers": "0"}, {"workers": "4:1"}, {"worker_cpus": 0},
        {"ray_address": "head:8265"}, {"kubernetes_namespace": "Not/One"},
    ],
)  # fmt: skip
def test_values_that_cannot_be(tmp_path: Path, said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(said))):
        settings(tmp_path, **said)


def test_the_service_loads_neither_ray_nor_kubernetes_nor_torch() -> None:
    code = "import sys, colonnade.training.__main__; print({'ray', 'kubernetes', 'torch'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
