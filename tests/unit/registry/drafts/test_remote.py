"""Models from URLs, from a server on the loopback."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from colonnade.errors import ColonnadeError, InvalidArgument, PermissionDenied, TooLarge
from colonnade.registry.adapters.remote import RemoteSources
from colonnade.registry.ports import Progress
from colonnade.security.outbound import Allowed, Outbound
from tests.unit.registry.drafts.files import safetensors
from tests.unit.registry.drafts.serving import Served, serving

CONFIG, WEIGHTS = b'{"a": 1}', safetensors()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as server:
        yield server


def sources(served: Served, max_bytes: int = 10_000) -> RemoteSources:
    allowed = Allowed.parse(f"http+private://127.0.0.1:{served.port}", "COLONNADE_REGISTRY_IMPORT_URLS")
    return RemoteSources(Outbound(allowed), max_bytes=max_bytes, seconds=30)


async def brought(remote: RemoteSources, source: str, folder: Path) -> tuple[Path, list[Progress]]:
    events = [event async for event in remote.bring(source, folder)]
    assert isinstance(events[-1], Path)
    return events[-1], [event for event in events if isinstance(event, Progress)]


def entry(content: bytes, **more: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), **more}


def index(**files: Any) -> bytes:
    return json.dumps({"files": {name.replace("__", "."): value for name, value in files.items()}}).encode()


async def test_a_gguf_file(served: Served, tmp_path: Path) -> None:
    served.files["/a/poet.gguf"] = b"GGUF\3 and so on"
    place, steps = await brought(sources(served), served.url("/a/poet.gguf?x=1"), tmp_path)
    assert place.read_bytes() == b"GGUF\3 and so on"
    assert place.suffix == ".gguf"
    assert [step.stage for step in steps] == ["fetch"] * len(steps)
    assert steps[-1].fraction == 1.0


async def test_a_folder_by_its_index(served: Served, tmp_path: Path) -> None:
    served.files |= {"/m/config.json": CONFIG, "/elsewhere/w": WEIGHTS}
    served.files["/m/index.json"] = index(
        config__json=entry(CONFIG), model__safetensors=entry(WEIGHTS, url="../elsewhere/w")
    )
    place, steps = await brought(sources(served), served.url("/m/index.json"), tmp_path)
    assert (place / "config.json").read_bytes() == CONFIG
    assert (place / "model.safetensors").read_bytes() == WEIGHTS
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b'{"files": {}}',
        index(config__json=[]),
        index(config__json={"sha256": "x", "size": 8}),
        index(config__json=entry(CONFIG) | {"size": "8"}),
        index(config__json=entry(CONFIG) | {"size": 7}),
        index(config__json=entry(CONFIG) | {"sha256": "0" * 64}),
        index(model__bin=entry(CONFIG, url="config.json")),
        json.dumps({"files": {"../config.json": entry(CONFIG, url="config.json")}}).encode(),
        index(a__gguf=entry(b"GGUF", url="a.gguf"), config__json=entry(CONFIG)),
        index(model__safetensors=entry(CONFIG, url="config.json")),
        index(config__json=entry(CONFIG, url="http://169.254.169.254/latest")),
        index(config__json=entry(CONFIG, url="file:///etc/passwd")),
        index(config__json=entry(CONFIG, url="http://[config.json")),
        json.dumps(
            {"files": {path: entry(CONFIG, url="config.json") for path in ("a.json", "a.json/b.json")}}
        ).encode(),
    ],
)
async def test_an_index_that_is_not_right_is_refused(served: Served, tmp_path: Path, content: bytes) -> None:
    served.files |= {"/config.json": CONFIG, "/a.gguf": b"GGUF", "/index.json": content}
    with pytest.raises(ColonnadeError):
        await brought(sources(served), served.url("/index.json"), tmp_path)


async def test_what_is_larger_than_may_be_is_refused(served: Served, tmp_path: Path) -> None:
    served.files |= {"/m.gguf": b"GGUF" + b"x" * 100, "/config.json": CONFIG}
    served.files["/index.json"] = index(config__json=entry(CONFIG))
    for path in ("/m.gguf", "/index.json"):
        with pytest.raises(TooLarge):
            await brought(sources(served, max_bytes=5), served.url(path), tmp_path)


async def test_what_is_no_model_is_refused(served: Served, tmp_path: Path) -> None:
    served.files["/m.gguf"] = b"PK\x03\x04"
    with pytest.raises(InvalidArgument, match="GGUF"):
        await brought(sources(served), served.url("/m.gguf"), tmp_path)
    with pytest.raises(InvalidArgument, match=r"\.gguf"):
        await sources(served).check(served.url("/m.tar"))
    with pytest.raises(PermissionDenied, match="COLONNADE_REGISTRY_IMPORT_URLS"):
        await sources(served).check("https://elsewhere.example/m.gguf")
