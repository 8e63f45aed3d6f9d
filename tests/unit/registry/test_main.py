"""The process: settings, ``--check``, ``--version``, and the whole service over its socket."""

import asyncio
import json
import pkgutil
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import pytest

from colonnade.api.erasure.v1 import erasure_pb2
from colonnade.api.registry import v1
from colonnade.api.registry.v1 import registry_pb2 as messages
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.errors import (
    ColonnadeError,
    Conflict,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unsupported,
)
from colonnade.registry.__main__ import main, wired
from colonnade.registry.settings import RegistrySettings
from colonnade.rpc import Identity, Peer
from colonnade.security.access.registry import RPCS
from colonnade.security.audit import verify
from colonnade.security.identity import Principal, Role
from colonnade.storage.blobs import LocalBlobStore

CONVERTER = (sys.executable, "-P", str(Path(__file__).with_name("converter.py")))
LIMIT = 30.0


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLONNADE_HOME", str(short_folder))
    monkeypatch.setenv("COLONNADE_REGISTRY_IMPORT_ROOTS", str(short_folder))
    monkeypatch.setenv("COLONNADE_REGISTRY_METRICS_PORT", "0")
    return short_folder


class Client:
    """The registry over its socket, as one principal."""

    def __init__(self, home: Path, role: Role) -> None:
        identity = Identity("gateway", home / "identity")
        identity.principal = Principal("acme", "eve", frozenset({role}))
        self.peer = Peer("registry", f"unix:{home}/run/registry.sock", identity)
        self.stub = RegistryServiceStub(self.peer.channel)
        self.home = home

    async def imported(
        self, content: str, name: str = "smol", **more: str
    ) -> list[messages.ImportModelResponse]:
        source = self.home / "source.gguf"
        source.write_text(content)
        request = messages.ImportModelRequest(source=str(source), name=name, **more)
        stream = self.peer.stream(self.stub.ImportModel, request, messages.ImportModelResponse)
        return [event async for event in stream]

    async def model(self, name: str = "smol") -> messages.GetModelResponse:
        request = messages.GetModelRequest(name=name)
        return await self.peer.unary(self.stub.GetModel, request, messages.GetModelResponse)

    async def resolve(self, reference: str = "", size: str = "") -> messages.ResolveResponse:
        request = messages.ResolveRequest(reference=reference, size_label=size)
        return await self.peer.unary(self.stub.Resolve, request, messages.ResolveResponse)

    async def set_alias(self, alias: str, expected: int | None = None, **weights: int) -> messages.Alias:
        targets = [messages.AliasTarget(version=int(v[1:]), weight=w) for v, w in weights.items()]
        request = messages.SetAliasRequest(
            name="smol", alias=alias, targets=targets, expected_revision=expected
        )
        return (await self.peer.unary(self.stub.SetAlias, request, messages.SetAliasResponse)).alias

    async def delete_alias(self, alias: str) -> None:
        request = messages.DeleteAliasRequest(name="smol", alias=alias)
        await self.peer.unary(self.stub.DeleteAlias, request, messages.DeleteAliasResponse)


@pytest.fixture
async def client(home: Path) -> AsyncIterator[Client]:
    async with asyncio.timeout(LIMIT), wired(RegistrySettings(), CONVERTER) as server:
        await server.start()
        await server.ready(True)
        client = Client(home, Role.MODEL_ENGINEER)
        yield client
        await client.peer.close()
        await server.stop(0)


async def test_import_resolve_and_read_the_blobs(client: Client, home: Path) -> None:
    *progress, last = await client.imported("convert\nweights", description="a small one")
    stages = list(dict.fromkeys(event.stage for event in progress))
    assert stages == ["queued", "read", "write", "store", "register"]
    assert (last.stage, last.fraction) == ("done", 1.0)
    manifest = last.version.manifest
    for reference, size in (("", ""), ("smol", ""), ("smol:1", ""), ("", "1M")):
        assert (await client.resolve(reference, size)).targets[0].manifest == manifest
    blobs = LocalBlobStore(home / "blobs")
    for artefact in manifest.artefacts:
        assert await blobs.verify(artefact.digest)
    found = await client.peer.unary(
        client.stub.GetManifest,
        messages.GetManifestRequest(digest=manifest.digest),
        messages.GetManifestResponse,
    )
    assert found.manifest == manifest
    model = (await client.model()).model
    assert (model.name, model.description, model.latest_version, model.size_label) == (
        "smol", "a small one", 1, "1M",
    )  # fmt: skip
    assert model.aliases[0].updated_by == "acme/eve"


async def test_a_list_in_pages(client: Client) -> None:
    for name in ("b", "a"):
        await client.imported(f"convert\n{name}", name)
    names, token = [], ""
    for _ in range(2):
        request = messages.ListModelsRequest(page_size=1, page_token=token)
        page = await client.peer.unary(client.stub.ListModels, request, messages.ListModelsResponse)
        names += [model.name for model in page.models]
        token = page.next_page_token
    assert (names, token) == (["a", "b"], "")


async def test_moving_an_alias_over_the_wire(client: Client, home: Path) -> None:
    await client.imported("convert\none")
    await client.imported("convert\ntwo")
    moved = await client.set_alias("production", 1, v1=90, v2=10)
    assert moved.revision == 2
    assert [(t.version, t.weight) for t in moved.targets] == [(1, 90), (2, 10)]
    assert [target.weight for target in (await client.resolve("smol")).targets] == [90, 10]
    with pytest.raises(Conflict) as conflict:
        await client.set_alias("production", 1, v2=100)
    assert conflict.value.details["revision"] == 2
    with pytest.raises(Conflict):
        await client.set_alias("production", 0, v2=100)
    with pytest.raises(InvalidArgument, match="add up to 90"):
        await client.set_alias("production", None, v2=90)
    await client.delete_alias("production")
    with pytest.raises(NotFound):
        await client.resolve("smol")
    assert (await client.set_alias("production", 0, v2=100)).revision == 4
    checked = verify(home / "audit" / "registry.jsonl")
    assert checked.ok
    assert checked.records == 14  # two for each of the seven that could be asked


async def test_refusals_of_an_import(client: Client) -> None:
    with pytest.raises(Unsupported, match="architecture x") as refusal:
        await client.imported("refuse")
    assert refusal.value.details["supported"] == ["llama"]
    with pytest.raises(InvalidArgument):
        await client.imported("convert", name="Bad Name")
    request = messages.ImportModelRequest(source="/etc/hostname", name="smol")
    with pytest.raises(InvalidArgument, match="COLONNADE_REGISTRY_IMPORT_ROOTS"):
        async for _ in client.peer.stream(client.stub.ImportModel, request, messages.ImportModelResponse):
            pass
    with pytest.raises(NotFound):
        await client.model()


async def test_a_client_that_goes_away_stops_the_import(client: Client, home: Path) -> None:
    (home / "source.gguf").write_text(f"hang\n{home / 'facts'}")
    request = messages.ImportModelRequest(source=str(home / "source.gguf"), name="smol")
    stream = client.peer.stream(client.stub.ImportModel, request, messages.ImportModelResponse)
    async for event in stream:
        if event.stage == "read":
            break
    await stream.aclose()
    await client.imported("convert\nweights")  # waits for its turn, which comes when the other has ended
    assert len((await client.model()).versions) == 1


async def test_the_access_table_lists_the_contract_and_is_obeyed(client: Client, home: Path) -> None:
    modules = [import_module(f"{v1.__name__}.{each.name}") for each in pkgutil.iter_modules(v1.__path__)]
    services = [
        service
        for module in modules
        if hasattr(module, "DESCRIPTOR")
        for service in module.DESCRIPTOR.services_by_name.values()
        if any(key.startswith(f"/{service.full_name}/") for key in RPCS)
    ]
    services.append(erasure_pb2.DESCRIPTOR.services_by_name["ErasureService"])
    assert set(RPCS) == {f"/{each.full_name}/{method.name}" for each in services for method in each.methods}
    caller = Client(home, Role.CALLER)
    with pytest.raises(PermissionDenied):
        await caller.imported("convert\nweights")
    with pytest.raises(PermissionDenied):
        await caller.set_alias("production", v1=100)
    with pytest.raises(NotFound):
        await caller.resolve()
    await caller.peer.close()


async def test_a_home_has_one_registry(client: Client) -> None:
    with pytest.raises(ColonnadeError):
        async with wired(RegistrySettings(), CONVERTER):
            pass
    with pytest.raises(NotFound):
        await client.resolve()


async def test_what_was_registered_survives_a_restart(home: Path) -> None:
    for turn in range(2):
        async with asyncio.timeout(LIMIT), wired(RegistrySettings(), CONVERTER) as server:
            await server.start()
            client = Client(home, Role.ADMIN)
            if turn == 0:
                await client.imported("convert\nweights")
            assert (await client.resolve()).name == "smol"
            await client.peer.close()
            await server.stop(0)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.strip()


def test_check_reports_and_touches_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["listen"] == f"unix:{home}/run/registry.sock"
    assert report["import_roots"] == [str(home)]
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("COLONNADE_REGISTRY_METRICS_PORT", "many", "metrics_port"),
        ("COLONNADE_REGISTRY_MAX_WAITING_IMPORTS", "-1", "max_waiting_imports"),
        ("COLONNADE_REGISTRY_IMPORT_SECONDS", "0", "import_seconds"),
        ("COLONNADE_REGISTRY_DATABASE_URL", "nonsense://user:hunter2@host", "database"),
        ("COLONNADE_REGISTRY_DEFAULT_MODEL", "Not A Model", "model"),
        ("COLONNADE_LOG_LEVEL", "loud", "LOG_LEVEL"),
        ("COLONNADE_HOME", "/" + "x" * 120, "COLONNADE_HOME"),
    ],
)
def test_check_refuses_what_cannot_work(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["--check"]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert "hunter2" not in errors


def test_roots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert RegistrySettings().roots == (Path.home(), Path.cwd())
    monkeypatch.setenv("COLONNADE_REGISTRY_IMPORT_ROOTS", f"{tmp_path}:~/models:")
    assert RegistrySettings().roots == (tmp_path, Path.home() / "models")
