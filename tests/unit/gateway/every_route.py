"""A request for every route that is answered, on a gateway with keys."""

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from colonnade.gateway.domain.batches import Batch
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.fair_use import Kind, LimitRecord, Quota, Scope
from colonnade.gateway.domain.files import FileRecord, Purpose
from colonnade.gateway.domain.keys import KeyOrder
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import House

LOCAL = Caller(Principal("local", "local", frozenset({Role.ADMIN})), "test")
FILE, READ_FILE, BATCH = "file-1", "file-2", "batch_1"
MODELS, VERSIONS = (f"/mlflow/api/2.0/mlflow/{noun}" for noun in ("registered-models", "model-versions"))
GRANTABLE = [role for role in Role if role is not Role.SERVICE]
BODIES = {
    "POST /generate": {"prompt": "x"},
    "POST /embed": {"input": "x"},
    "POST /score": {"text": "x"},
    "POST /tokenize": {"prompt": "x"},
    "POST /detokenize": {"tokens": [7]},
    "POST /v1/chat/completions": {"model": "tiny", "messages": [{"role": "user", "content": "x"}]},
    "POST /v1/completions": {"model": "tiny", "prompt": "x"},
    "POST /v1/embeddings": {"model": "tiny", "input": "x"},
    "POST /v1/responses": {"model": "tiny", "input": "x"},
    "POST /v2/models/{model}/generate": {"text_input": "x"},
    "POST /v2/models/{model}/generate_stream": {"text_input": "x"},
    "POST /v2/models/{model}/versions/{version}/generate": {"text_input": "x"},
    "POST /v2/models/{model}/versions/{version}/generate_stream": {"text_input": "x"},
    "POST /v1/batches": {
        "input_file_id": FILE,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    },
    "POST /models/{name}/versions": {},
    "PUT /models/{name}/drafts/{number}/files": {
        "files": [{"path": "config.json", "size_bytes": 2, "digest": f"sha256:{'0' * 64}"}]
    },
    "PUT /models/{name}": {},
    "PATCH /models/{name}": {"description": "x"},
    "POST /models/{name}/rename": {"to": "other"},
    "PATCH /models/{name}/versions/{version}": {"description": "x"},
    "POST /models/import": {"source": "bundled:x", "name": "tiny"},
    "PUT /models/{name}/aliases/{alias}": {"targets": [{"version": 1}]},
    "POST /rollouts": {"model": "tiny", "version": 2},
    "POST /lineage": {
        "edges": [
            {
                "from": {"kind": "reference", "id": "tiny:1"},
                "relation": "built_from",
                "to": {"kind": "commit", "id": "0a1b2c3"},
            }
        ]
    },
    "POST /models/{name}/versions/{version}/evaluations": {"suite": "arc-easy", "results": {"accuracy": 0.5}},
    "POST /training/jobs": {"recipe": "name: plays\nsteps: 2\n"},
    "POST /memory/remember": {"text": "Ann prefers tea."},
    "POST /memory/search": {"query": "tea"},
    "POST /memory/list": {},
    "POST /memory/get": {"id": "mem_1"},
    "POST /memory/revise": {"id": "mem_1", "pinned": True},
    "POST /memory/forget": {"id": "mem_1"},
    "POST /memory/rate": {"id": "mem_1", "useful": True},
    "POST /memory/sessions": {},
    "POST /memory/sessions/end": {"session": "s1"},
    "PUT /screening/policies/{name}": {"yaml": "name: tiny"},
    "POST /screening/policies/test": {"yaml": "name: tiny"},
    "POST /screening/dry-runs": {"yaml": "name: tiny"},
    "POST /screening/assignments": {"route": "/generate", "name": "tiny"},
    "POST /screening/assignments/take-back": {"route": "/generate"},
    "POST /feedback": {"kind": "thumb", "value": "up", "request_id": "r1"},
    "POST /feedback/{id}/review": {"decision": "accept"},
    "POST /reward-models": {},
    "POST /reward-models/score": {"prompt": "x", "answers": ["y"]},
    "POST /bias/reports": {"model": "tiny"},
    "POST /adaptations": {"model": "tiny"},
    "POST /webhooks": {"url": "https://hooks.example.com/x"},
    "POST /keys": {"roles": ["caller"]},
    "POST /keys/{id}/rotate": {},
    "PUT /limits/keys/{id}": {},
    "PUT /limits/tenants/{tenant}": {},
    "PUT /limits/tenants/{tenant}/models/{model}": {},
    f"POST {MODELS}/create": {"name": "mine"},
    f"POST {MODELS}/rename": {"name": "tiny", "new_name": "mine"},
    f"PATCH {MODELS}/update": {"name": "tiny", "description": "x"},
    f"DELETE {MODELS}/delete": {"name": "tiny"},
    f"POST {MODELS}/get-latest-versions": {"name": "tiny"},
    f"POST {MODELS}/set-tag": {"name": "tiny", "key": "x", "value": "y"},
    f"DELETE {MODELS}/delete-tag": {"name": "tiny", "key": "x"},
    f"POST {MODELS}/alias": {"name": "tiny", "alias": "canary", "version": "1"},
    f"DELETE {MODELS}/alias": {"name": "tiny", "alias": "production"},
    f"POST {VERSIONS}/create": {"name": "tiny", "source": "bundled:x"},
    f"PATCH {VERSIONS}/update": {"name": "tiny", "version": "1", "description": "x"},
    f"DELETE {VERSIONS}/delete": {"name": "tiny", "version": "1"},
    f"POST {VERSIONS}/transition-stage": {"name": "tiny", "version": "1", "stage": "Staging"},
    f"POST {VERSIONS}/set-tag": {"name": "tiny", "version": "1", "key": "x", "value": "y"},
    f"DELETE {VERSIONS}/delete-tag": {"name": "tiny", "version": "1", "key": "x"},
}
QUERIES = {
    "GET /lineage": {"model": "tiny"},
    f"GET {MODELS}/get": {"name": "tiny"},
    f"GET {MODELS}/alias": {"name": "tiny", "alias": "production"},
    f"GET {VERSIONS}/get": {"name": "tiny", "version": "1"},
    f"GET {VERSIONS}/get-download-uri": {"name": "tiny", "version": "1"},
    "GET /mlflow/api/2.0/mlflow-artifacts/artifacts": {"path": "tiny/1"},
}
PARTS = {"name": "tiny", "alias": "production", "model": "tiny", "version": "1", "tenant": "local"}
PARTS |= {"file": FILE, "batch": BATCH}
PARTS |= {"number": "2", "path": "model.safetensors"}
OTHER_PARTS = {"PUT /models/{name}": {"name": "new"}}
PIECES = {"PATCH /models/{name}/drafts/{number}/files/{path}": b"more"}
DOCUMENTS = {"POST /memory/documents": b"Tea at four."}
FORMS = {"POST /v1/files": {"file": ("lines.jsonl", b"{}")}}


@dataclass
class Keyed:
    house: House
    by_role: dict[Role, str]
    spare: str


async def keyed_house() -> Keyed:
    house = House()
    made = {}
    for role in [Role.ADMIN, *(role for role in GRANTABLE if role is not Role.ADMIN)]:
        made[role] = (await house.keys.create(LOCAL, KeyOrder("local", frozenset({role})))).secret
    spare = await house.keys.create(LOCAL, KeyOrder("local", frozenset({Role.CALLER})))
    for scope in (
        Scope(Kind.KEY, "local", spare.record.id),
        Scope(Kind.TENANT, "local"),
        Scope(Kind.MODEL, "local", "tiny"),
    ):
        await house.limit_store.put(LimitRecord(scope, Quota(), datetime.now(UTC), "local"))
    await _keep_files(house)
    return Keyed(house, made, spare.record.id)


async def _keep_files(house: House) -> None:
    now = datetime.now(UTC)
    for file_id in (FILE, READ_FILE):
        house.contents.files[file_id] = b"{}"
        record = FileRecord(file_id, "local", "me", "", "lines.jsonl", Purpose.BATCH, 2, "", now)
        await house.file_store.add(record, 100)
    await house.batch_store.add(Batch(BATCH, "local", "me", "", "/v1/completions", READ_FILE, now, now))


async def call(keyed: Keyed, route: str, key: str) -> httpx.Response:
    method, template = route.split(" ")
    path = template.format_map(PARTS | {"id": keyed.spare} | OTHER_PARTS.get(route, {}))
    async with keyed.house.client(key) as client:
        if route in FORMS:
            return await client.request(method, path, data={"purpose": "batch"}, files=FORMS[route])
        if route in PIECES:
            headers = {"content-type": "application/offset+octet-stream", "upload-offset": "8"}
            return await client.request(method, path, content=PIECES[route], headers=headers)
        if route in DOCUMENTS:
            headers = {"content-type": "text/plain", "x-document-name": "Handbook"}
            return await client.request(method, path, content=DOCUMENTS[route], headers=headers)
        return await client.request(method, path, json=BODIES.get(route), params=QUERIES.get(route))
