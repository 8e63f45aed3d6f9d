"""What comes over the wire: as protocol buffers' JSON, with refusals that MLflow's clients can read."""

import json
from typing import Any

import httpx
import pytest
from mlflow.protos.databricks_pb2 import ErrorCode

from colonnade.errors import Code
from colonnade.gateway.domain.models import Artefact
from colonnade.gateway.http.mlflow.artifacts import _listed
from colonnade.gateway.http.mlflow.errors import NAMES, NO_ENDPOINT
from tests.unit.gateway.every_route import MODELS, VERSIONS
from tests.unit.gateway.fakes import House

INVALID = "INVALID_PARAMETER_VALUE"


def test_every_refusal_has_a_name_that_mlflow_knows() -> None:
    assert NAMES.keys() == set(Code)
    assert {*NAMES.values(), NO_ENDPOINT} <= set(ErrorCode.keys())


async def test_unknown_fields_and_null_count_for_nothing(client: httpx.AsyncClient) -> None:
    body = {"name": "mine", "description": None, "tags": None, "deployment_job_id": "7", "surprise": [1]}
    answer = await client.post(f"{MODELS}/create", json=body)
    assert (answer.status_code, answer.json()["registered_model"]["description"]) == (200, "")
    body = {"name": "tiny", "version": "1", "key": "k", "value": None}
    assert (await client.post(f"{VERSIONS}/set-tag", json=body)).json() == {}
    found = (await client.get(f"{VERSIONS}/get", params={"name": "tiny", "version": "1", "x": "y"})).json()
    assert found["model_version"]["tags"] == [{"key": "k", "value": ""}]


@pytest.mark.parametrize(
    ("call", "body", "named"),
    [
        (f"POST {MODELS}/create", {}, "name"),
        (f"POST {MODELS}/create", {"name": 7}, "name"),
        (f"POST {MODELS}/create", {"name": "Mine"}, "name"),
        (f"POST {MODELS}/create", {"name": "mine", "description": ["x"]}, "description"),
        (f"POST {MODELS}/create", {"name": "mine", "description": "x" * 2001}, "description"),
        (f"POST {MODELS}/create", {"name": "mine", "tags": {"a": "b"}}, "tags"),
        (f"POST {MODELS}/create", {"name": "mine", "tags": [{"key": "a", "value": 1}]}, "tags[0].value"),
        (f"POST {MODELS}/create", {"name": "mine", "tags": [{"key": "a\n", "value": "1"}]}, "tag"),
        (f"POST {MODELS}/create", {"name": "mine", "tags": [{"key": "a"}] * 201}, "tags"),
        (f"POST {MODELS}/rename", {"name": "tiny"}, "new_name"),
        (f"POST {MODELS}/alias", {"name": "tiny", "alias": "a", "version": 1}, "version"),
        (f"POST {MODELS}/alias", {"name": "tiny", "alias": "a", "version": "one"}, "version"),
        (f"POST {MODELS}/alias", {"name": "tiny", "alias": "A!", "version": "1"}, "alias"),
        (f"POST {MODELS}/get-latest-versions", {"name": "tiny", "stages": ["Live"]}, "stage"),
        (f"POST {VERSIONS}/create", {"name": "tiny"}, "source"),
        (f"POST {VERSIONS}/create", {"name": "tiny", "source": ""}, "source"),
        (f"POST {VERSIONS}/create", {"name": "tiny", "source": "x" * 5000}, "source"),
        (f"POST {VERSIONS}/create", {"name": "tiny", "source": "bundled:x", "run_id": "x" * 5001}, "tags"),
        (f"POST {VERSIONS}/transition-stage", {"name": "tiny", "version": "1", "stage": 1}, "stage"),
        (
            f"POST {VERSIONS}/transition-stage",
            {"name": "tiny", "version": "1", "stage": "None", "archive_existing_versions": "true"},
            "archive_existing_versions",
        ),
        (f"DELETE {VERSIONS}/delete", {"name": "tiny", "version": "0"}, "version"),
        (f"PATCH {MODELS}/update", {"name": "tiny", "description": 1}, "description"),
    ],
)
async def test_what_is_wrong_is_named(house: House, call: str, body: dict[str, Any], named: str) -> None:
    method, path = call.split(" ")
    async with house.client() as client:
        answer = await client.request(method, path, json=body)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["error_code"] == INVALID
    assert named in answer.json()["message"]
    assert not house.catalog.calls


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        (f"{MODELS}/get", {}, "name"),
        (f"{MODELS}/search", {"max_results": "0"}, "max_results"),
        (f"{MODELS}/search", {"max_results": "1001"}, "max_results"),
        (f"{MODELS}/search", {"max_results": "many"}, "max_results"),
        (f"{MODELS}/search", {"order_by": ["name"] * 5}, "order_by"),
        (f"{MODELS}/search", {"page_token": "x" * 2000}, "page_token"),
        (f"{MODELS}/search", {"filter": "name ~ 'x'"}, "filter"),
        (f"{VERSIONS}/get", {"name": "tiny"}, "version"),
        (f"{VERSIONS}/get", {"name": "tiny", "version": "latest"}, "version"),
        ("/mlflow/api/2.0/mlflow-artifacts/artifacts", {"path": "tiny"}, "version"),
        ("/mlflow/api/2.0/mlflow-artifacts/artifacts", {"path": "../1"}, "path"),
    ],
)
async def test_queries(client: httpx.AsyncClient, path: str, query: dict[str, Any], named: str) -> None:
    answer = await client.get(path, params=query)
    assert (answer.status_code in (400, 413), answer.json()["error_code"]) == (True, INVALID)
    assert named in answer.json()["message"]


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/mlflow/api/2.0/mlflow/webhooks"),
        ("POST", "/mlflow/api/2.0/mlflow/experiments/create"),
        ("GET", "/mlflow/api/3.0/mlflow/server-info"),
        ("GET", f"{MODELS}/create"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code in (404, 405), answer.json()["error_code"]) == (True, NO_ENDPOINT)
        assert "model registry" in answer.json()["message"]
    missing = await client.get(f"{MODELS}/get", params={"name": "nobody"})
    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


async def test_the_body_is_json(client: httpx.AsyncClient) -> None:
    for content, kind in (("{", "application/json"), ("[]", "application/json"), ("name=x", "text/plain")):
        answer = await client.post(f"{MODELS}/create", content=content, headers={"content-type": kind})
        assert answer.json()["error_code"] == INVALID
    broken = json.dumps({"name": "mine", "tags": [{"key": "a", "value": "\ud800"}]})
    answer = await client.post(
        f"{MODELS}/create", content=broken, headers={"content-type": "application/json"}
    )
    assert answer.json()["error_code"] == INVALID


async def test_a_file(house: House) -> None:
    where, params = "/mlflow/api/2.0/mlflow-artifacts/artifacts", {"name": "tiny", "version": "1"}
    async with house.client() as client:
        uri = (await client.get(f"{VERSIONS}/get-download-uri", params=params)).json()
        assert uri == {"artifact_uri": f"http://127.0.0.1:8080{where}/tiny/1"}
        [listed] = (await client.get(where, params={"path": "tiny/1"})).json()["files"]
        assert listed == {"path": "model.safetensors", "is_dir": False, "file_size": 16}
        assert (await client.get(where, params={"path": "tiny/1/nowhere"})).json() == {"files": []}
        answer = await client.get(f"{uri['artifact_uri']}/model.safetensors")
        assert (answer.status_code, len(answer.content)) == (200, 16)
        missing = await client.get(f"{uri['artifact_uri']}/nothing.json")
        assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        safe = {"x-forwarded-proto": "https"}
        uri = (await client.get(f"{VERSIONS}/get-download-uri", params=params, headers=safe)).json()
        assert uri["artifact_uri"].startswith("https://127.0.0.1:8080/")


def test_folders_are_listed_once() -> None:
    files = [Artefact(path, "sha256:x", 1) for path in ("a/b/x.json", "a/y.json", "z.json", "ab.json")]
    assert [(each.path, each.is_dir) for each in _listed(files, "")] == [
        ("a", True),
        ("ab.json", False),
        ("z.json", False),
    ]
    assert [(each.path, each.is_dir, each.file_size) for each in _listed(files, "a")] == [
        ("b", True, None),
        ("y.json", False, 1),
    ]
