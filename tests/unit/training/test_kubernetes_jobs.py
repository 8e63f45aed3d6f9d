"""Manifests of RayJobs. Their names, and what KubeRay's schema says, are judged in ``kube_api``."""

from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument
from colonnade.training.adapters.kubernetes_jobs import manifest, read_template
from tests.contract.training.commands import Commands
from tests.contract.training.kube_api import KubeApi
from tests.contract.training.places import TEMPLATE
from tests.unit.training.fakes import job

PATH = "/apis/ray.io/v1/namespaces/training/rayjobs"
DOC = Path(__file__).parents[3] / "docs/ray.md"


def test_a_manifest_is_the_template_that_runs_the_command_once() -> None:
    made = manifest(TEMPLATE, "job-1-1", "python -m driver", job())
    assert made["metadata"]["name"] == made["spec"]["jobId"] == "job-1-1"
    assert made["metadata"]["labels"]["team"] == "models"
    assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "colonnade-training"
    assert made["metadata"]["annotations"]["colonnade.dev/job"] == job().id
    assert made["spec"]["entrypoint"] == "python -m driver"
    assert (made["spec"]["backoffLimit"], made["spec"]["shutdownAfterJobFinishes"]) == (0, True)
    assert made["spec"]["rayClusterSpec"] == TEMPLATE["spec"]["rayClusterSpec"]


def test_the_templates_own_words_stay_but_for_what_must_hold() -> None:
    spec = {**TEMPLATE["spec"], "ttlSecondsAfterFinished": 60, "backoffLimit": 5, "suspend": True}
    made = manifest({**TEMPLATE, "spec": spec}, "job-1-1", "true", job())["spec"]
    assert (made["ttlSecondsAfterFinished"], made["backoffLimit"], made["suspend"]) == (60, 0, False)


def test_the_documented_template_is_taken(tmp_path: Path) -> None:
    text = DOC.read_text().partition("kind: RayJob")
    template = tmp_path / "template.yaml"
    template.write_text("apiVersion: ray.io/v1\nkind: RayJob" + text[2].partition("```")[0])
    made = manifest(read_template(template), "job-1-1", "true", job())
    commands = Commands(held=True)
    assert KubeApi(commands, "training")("POST", PATH, {}, made) == (201, made)


@pytest.mark.parametrize(
    "text", ["", "- x", "a: [", "kind: RayJob\nspec: {clusterSelector: {a: b}}", "kind: RayCluster\nspec: {}"]
)
def test_other_templates_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "template.yaml").write_text(text)
    for path in (tmp_path / "template.yaml", tmp_path / "none.yaml"):
        with pytest.raises(InvalidArgument, match="COLONNADE_TRAINING_KUBERNETES_TEMPLATE"):
            read_template(path)
