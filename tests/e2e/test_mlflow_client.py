"""MLflow's own client, as it comes, against the registry below ``/mlflow``."""

import gc
import os
import warnings
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before it is imported

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository

from tests.e2e.conftest import KEY
from tests.harness.platform import Platform
from tests.harness.tiny_model import write_tiny_llama

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # its sessions are
NOT_THERE = "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture(scope="module")
def uri(guarded: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The registry as MLflow's settings name it."""
    uri = f"{guarded.url}/mlflow"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", KEY)
        patch.setenv("MLFLOW_TRACKING_URI", uri)  # else it begins a database where it stands
        patch.setenv("MLFLOW_REGISTRY_URI", uri)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.chdir(tmp_path_factory.mktemp("mlflow"))
        yield uri
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


@pytest.fixture(scope="module")
def client(uri: str) -> Any:
    return MlflowClient(registry_uri=uri)


@pytest.fixture(scope="module")
def models(tiny_model: Path) -> list[str]:
    """Two models that differ."""
    return [str(tiny_model), str(write_tiny_llama(tiny_model.parent / "other", seed=1))]


@pytest.fixture(scope="module")
def poet(client: Any, models: list[str]) -> str:
    """A model with two versions."""
    client.create_registered_model("poet")
    for source in models:
        client.create_model_version("poet", source)
    return "poet"


def refused(code: str, *call: Any, **more: Any) -> str:
    """What MLflow's exception says."""
    with pytest.raises(MlflowException) as caught:
        call[0](*call[1:], **more)
    assert caught.value.error_code == code, caught.value
    return str(caught.value)


def test_a_registered_model(client: Any) -> None:
    made = client.create_registered_model(
        "novelist", tags={"team": "search", "tier": 1}, description="writes"
    )
    assert (made.name, made.description, made.tags) == ("novelist", "writes", {"team": "search", "tier": "1"})
    assert (made.latest_versions, made.aliases) == ([], {})
    assert 1_600_000_000_000 < made.creation_timestamp <= made.last_updated_timestamp
    found = client.get_registered_model("novelist")
    assert dict(found) == dict(made)
    assert client.update_registered_model("novelist", "writes novels").description == "writes novels"
    client.set_registered_model_tag("novelist", "tier", "2")
    client.set_registered_model_tag("novelist", "a key/with: much", "é ☃")
    client.delete_registered_model_tag("novelist", "team")
    client.delete_registered_model_tag("novelist", "team")
    found = client.get_registered_model("novelist")
    assert (found.description, found.tags) == ("writes novels", {"tier": "2", "a key/with: much": "é ☃"})


def test_renaming_and_deletion(client: Any) -> None:
    client.create_registered_model("draft-name")
    client.create_registered_model("taken-name")
    refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, "taken-name")
    refused("RESOURCE_ALREADY_EXISTS", client.rename_registered_model, "draft-name", "taken-name")
    client.rename_registered_model("draft-name", "final-name")
    assert client.get_registered_model("final-name").name == "final-name"
    client.delete_registered_model("final-name")
    for name in ("draft-name", "final-name"):
        refused(NOT_THERE, client.get_registered_model, name)
    refused(NOT_THERE, client.delete_registered_model, "final-name")
    refused(NOT_THERE, client.rename_registered_model, "final-name", "other-name")


def test_searching_models(client: Any, poet: str) -> None:
    for number in range(5):
        client.create_registered_model(f"found-{number}", tags={"shelf": "upper" if number % 2 else "lower"})
    assert names(client.search_registered_models("name LIKE 'found-%'")) == [f"found-{n}" for n in range(5)]
    assert names(client.search_registered_models("name ILIKE 'FOUND-_' AND tags.shelf = 'upper'")) == [
        "found-1",
        "found-3",
    ]
    assert names(client.search_registered_models("name = 'poet'")) == ["poet"]
    others = client.search_registered_models("tags.shelf != 'upper'")
    assert names(others) == ["found-0", "found-2", "found-4"], "and nothing that has no such tag"
    newest = client.search_registered_models("name LIKE 'found-%'", order_by=["creation_timestamp DESC"])
    assert names(newest) == [f"found-{n}" for n in (4, 3, 2, 1, 0)]
    client.update_registered_model("found-2", "changed")
    changed = client.search_registered_models(
        "name LIKE 'found-%'", order_by=["last_updated_timestamp DESC", "name ASC"], max_results=1
    )
    assert names(changed) == ["found-2"]
    assert names(client.search_registered_models("tags.`mlflow.prompt.is_prompt` = 'true'")) == []
    for wrong in ("family = 'x'", "name", "name = 'a' OR name = 'b'"):
        refused("INVALID_PARAMETER_VALUE", client.search_registered_models, wrong)
    refused("INVALID_PARAMETER_VALUE", client.search_registered_models, order_by=["size"])
    refused("INVALID_PARAMETER_VALUE", client.search_registered_models, max_results=0)


def test_paging(client: Any) -> None:
    for number in range(7):
        client.create_registered_model(f"paged-{number}")
    found, token, pages = list[str](), None, 0
    while token != "":
        page = client.search_registered_models("name LIKE 'paged-%'", max_results=3, page_token=token)
        found, token, pages = found + names(page), page.token, pages + 1
    assert (found, pages) == ([f"paged-{number}" for number in range(7)], 3)
    refused("INVALID_PARAMETER_VALUE", client.search_registered_models, page_token="never given")


def test_a_model_version(client: Any, models: list[str]) -> None:
    client.create_registered_model("essayist")
    made = client.create_model_version(
        "essayist",
        f"file://{models[0]}",
        run_id="0123456789abcdef",
        tags={"loss": 1.5},
        run_link="https://runs.example.org/7",
        description="the first",
    )
    assert (made.name, made.version, made.status, made.description) == ("essayist", "1", "READY", "the first")
    assert (made.run_id, made.run_link, made.tags) == (
        "0123456789abcdef",
        "https://runs.example.org/7",
        {"loss": "1.5"},
    )
    assert dict(client.get_model_version("essayist", "1")) == dict(made)
    assert client.update_model_version("essayist", 1, "better said").description == "better said"
    client.set_model_version_tag("essayist", "1", "judged", True)
    client.delete_model_version_tag("essayist", "1", "loss")
    found = client.get_model_version("essayist", 1)
    assert (found.description, found.tags, found.run_id) == ("better said", {"judged": "True"}, made.run_id)
    assert made.creation_timestamp <= made.last_updated_timestamp < found.last_updated_timestamp
    again = client.create_model_version("essayist", models[0])
    assert again.version == "1", "equal content under one name is one version"
    assert client.create_model_version("essayist", models[1]).version != "1"


def test_what_is_no_source(client: Any, poet: str) -> None:
    refused("FEATURE_DISABLED", client.create_model_version, poet, "runs:/0123/model")
    refused("INVALID_PARAMETER_VALUE", client.create_model_version, poet, "s3://bucket/model")
    refused(NOT_THERE, client.create_model_version, poet, "models:/poet/99")
    refused(NOT_THERE, client.create_model_version, "nobody", "bundled:x")


def test_an_import_that_fails(client: Any, poet: str, tiny_model: Path) -> None:
    broken = tiny_model.parent / "broken"
    broken.mkdir()
    (broken / "config.json").write_text('{"architectures": ["Nobody"]}')
    outside = client.create_model_version(poet, "/etc", await_creation_for=None)
    assert (outside.status, "IMPORT_ROOTS" in outside.status_message) == ("FAILED_REGISTRATION", True)
    made = client.create_model_version(poet, str(broken), await_creation_for=None)
    assert (made.status, bool(made.status_message)) == ("FAILED_REGISTRATION", True)
    found = client.get_model_version(poet, made.version)
    assert (found.status, found.status_message) == (made.status, made.status_message)
    with pytest.raises(MlflowException, match="FAILED_REGISTRATION"):
        client.create_model_version(poet, str(broken))


def test_a_copy(client: Any, poet: str) -> None:
    source = client.get_model_version(poet, "2")
    client.set_model_version_tag(poet, "2", "kept", "yes")
    copied = client.copy_model_version("models:/poet/2", "copied-poet")
    assert (copied.name, copied.version, copied.status, copied.tags) == (
        "copied-poet",
        "1",
        "READY",
        {"kept": "yes"},
    )
    assert sizes(copied) == sizes(source)


def test_registering(client: Any, models: list[str]) -> None:
    made = mlflow.register_model(models[0], "registered", tags={"by": "fluent"})
    assert (made.version, made.status, made.tags) == ("1", "READY", {"by": "fluent"})
    assert mlflow.register_model(models[1], "registered").version == "2"
    found = mlflow.search_registered_models(filter_string="name = 'registered'")
    assert names(found) == ["registered"]
    assert len(mlflow.search_model_versions(filter_string="name = 'registered'")) == 2


def test_searching_versions(client: Any, poet: str) -> None:
    client.set_model_version_tag(poet, "2", "mood", "sad")
    client.create_registered_model("runner")
    client.create_model_version("runner", "models:/poet/1", run_id="abc")

    def found(condition: str, **more: Any) -> list[tuple[str, str]]:
        return [(each.name, each.version) for each in client.search_model_versions(condition, **more)]

    assert found("name = 'poet'", order_by=["version_number ASC"]) == [("poet", "1"), ("poet", "2")]
    assert found("name = 'poet'", order_by=["version_number DESC"]) == [("poet", "2"), ("poet", "1")]
    assert found("name = 'poet' AND version_number > 1") == [("poet", "2")]
    assert found("name = 'poet' AND tag.mood = 'sad'") == [("poet", "2")]
    assert found("run_id = 'abc'") == [("runner", "1")]
    assert found("run_id IN ('abc', 'xyz')") == [("runner", "1")]
    assert found("name IN ('poet', 'runner') AND version_number = 1", order_by=["name ASC"]) == [
        ("poet", "1"),
        ("runner", "1"),
    ]
    first = client.search_model_versions("name = 'poet'", max_results=1, order_by=["version_number ASC"])
    second = client.search_model_versions(
        "name = 'poet'", max_results=1, order_by=["version_number ASC"], page_token=first.token
    )
    assert [each.version for each in (*first, *second)] == ["1", "2"]
    refused("INVALID_PARAMETER_VALUE", client.search_model_versions, "loss < 2")


def test_aliases(client: Any, poet: str) -> None:
    client.set_registered_model_alias(poet, "champion", "1")
    client.set_registered_model_alias(poet, "challenger", 2)
    assert client.get_model_version_by_alias(poet, "champion").version == "1"
    assert client.get_registered_model(poet).aliases | {"production": "1"} == {
        "champion": "1",
        "challenger": "2",
        "production": "1",
    }
    assert "challenger" in client.get_model_version(poet, "2").aliases
    client.set_registered_model_alias(poet, "champion", "2")
    assert client.get_model_version_by_alias(poet, "champion").version == "2"
    client.delete_registered_model_alias(poet, "champion")
    client.delete_registered_model_alias(poet, "champion")
    refused(NOT_THERE, client.get_model_version_by_alias, poet, "champion")
    refused(NOT_THERE, client.set_registered_model_alias, poet, "champion", "99")
    refused(NOT_THERE, client.set_registered_model_alias, "nobody", "champion", "1")
    refused("INVALID_PARAMETER_VALUE", client.set_registered_model_alias, poet, "Champion!", "1")
    client.delete_registered_model_alias(poet, "challenger")


def test_an_alias_of_two_versions(client: Any, guarded: Platform, poet: str) -> None:
    guarded.command("models", "alias", poet, "shared", "1=90", "2=10")
    assert client.get_model_version_by_alias(poet, "shared").version == "1"
    assert client.get_registered_model(poet).aliases["shared"] == "1"
    client.delete_registered_model_alias(poet, "shared")


def test_an_alias_that_a_rollout_moves(client: Any, guarded: Platform, poet: str) -> None:
    client.set_registered_model_alias(poet, "watched", "1")
    plan = {"steps": [{"percent": 10, "requests": 1000}]}
    order = {"model": poet, "version": 2, "alias": "watched", "plan": plan}
    with guarded.client(authorization=f"Bearer {KEY}") as http:
        rollout = http.post("/rollouts", json=order).json()["id"]
        for call in (
            lambda: client.set_registered_model_alias(poet, "watched", "2"),
            lambda: client.delete_registered_model_alias(poet, "watched"),
        ):
            assert "rollout" in refused("RESOURCE_CONFLICT", call)
        assert client.get_model_version_by_alias(poet, "watched").version == "1"
        assert http.post(f"/rollouts/{rollout}/roll_back").is_success
    client.delete_registered_model_alias(poet, "watched")


@pytest.mark.filterwarnings("ignore:.*stages.*:FutureWarning")
def test_stages(client: Any, models: list[str]) -> None:
    client.create_registered_model("staged")
    for source in models:
        client.create_model_version("staged", source)
    moved = client.transition_model_version_stage("staged", "1", "Staging")
    assert (moved.current_stage, client.get_model_version_by_alias("staged", "staging").version) == (
        "Staging",
        "1",
    )
    moved = client.transition_model_version_stage("staged", "1", "production", archive_existing_versions=True)
    assert (moved.current_stage, moved.aliases) == ("Production", ["production"])
    client.transition_model_version_stage("staged", "2", "Staging")
    latest = client.get_latest_versions("staged")
    assert [(each.version, each.current_stage) for each in latest] == [("1", "Production"), ("2", "Staging")]
    [production] = client.get_latest_versions("staged", stages=["Production"])
    assert production.version == "1"
    assert {each.version for each in client.get_registered_model("staged").latest_versions} == {"1", "2"}
    client.transition_model_version_stage("staged", "2", "Archived")
    assert client.get_model_version("staged", "2").current_stage == "None"
    refused("INVALID_PARAMETER_VALUE", client.transition_model_version_stage, "staged", "1", "Live")
    refused(NOT_THERE, client.transition_model_version_stage, "staged", "9", "Staging")


def test_what_aliases_need_is_not_deleted(client: Any, poet: str) -> None:
    for version in ("1", "2"):
        client.copy_model_version(f"models:/{poet}/{version}", "doomed")
    client.set_registered_model_alias("doomed", "kept", "1")
    refused("RESOURCE_CONFLICT", client.delete_model_version, "doomed", "1")
    client.delete_model_version("doomed", "2")
    refused(NOT_THERE, client.get_model_version, "doomed", "2")
    refused(NOT_THERE, client.delete_model_version, "doomed", "2")
    assert client.get_model_version("doomed", "1").status == "READY"
    refused("RESOURCE_CONFLICT", client.delete_registered_model, "doomed")
    for alias in client.get_registered_model("doomed").aliases:
        client.delete_registered_model_alias("doomed", alias)
    client.delete_registered_model("doomed")
    refused(NOT_THERE, client.get_registered_model, "doomed")


def test_files(client: Any, guarded: Platform, poet: str, tmp_path: Path) -> None:
    where = client.get_model_version_download_uri(poet, "1")
    assert where.endswith("/mlflow/api/2.0/mlflow-artifacts/artifacts/poet/1")
    folder = Path(mlflow.artifacts.download_artifacts("models:/poet/1", dst_path=str(tmp_path)))
    shown = guarded.client(authorization=f"Bearer {KEY}").get(f"/models/{poet}").json()["versions"]
    [artefacts] = [each["artefacts"] for each in shown if each["version"] == 1]
    assert {each["path"]: each["digest"] for each in artefacts} == {
        path.name: f"sha256:{sha256(path.read_bytes()).hexdigest()}" for path in folder.iterdir()
    }
    repository = ModelsArtifactRepository("models:/poet/1")
    assert {each.path: (each.is_dir, each.file_size) for each in repository.list_artifacts("")} == {
        each["path"]: (False, each["size_bytes"]) for each in artefacts
    }
    refused(NOT_THERE, client.get_model_version_download_uri, poet, "99")


def test_who_may(client: Any, guarded: Platform, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = guarded.client(authorization=f"Bearer {KEY}").post("/keys", json={"roles": ["caller"]}).json()
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", made["secret"])
    reader = MlflowClient(registry_uri=uri)
    assert names(reader.search_registered_models("name = 'tiny'")) == ["tiny"]
    refused("PERMISSION_DENIED", reader.create_registered_model, "mine")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "ck_nobody")
    refused("UNAUTHENTICATED", MlflowClient(registry_uri=uri).get_registered_model, "tiny")


def test_what_is_not_here(client: Any, uri: str) -> None:
    for code, call in {
        "ENDPOINT_NOT_FOUND": [client.search_experiments, client.list_webhooks],
        "FEATURE_DISABLED": [lambda: client.create_prompt("greeting")],
    }.items():
        for each in call:
            refused(code, each)
    with pytest.raises(RestException, match="model registry"):
        client.create_experiment("x")


def names(models: Any) -> list[str]:
    return [each.name for each in models]


def sizes(version: Any) -> dict[str, int]:
    repository = ModelsArtifactRepository(f"models:/{version.name}/{version.version}")
    return {each.path: each.file_size for each in repository.list_artifacts("")}
