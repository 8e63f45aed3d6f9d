"""Adapters through the engine's contract."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.errors import InvalidArgument, NotFound
from colonnade.models.adapters import bank_of
from tests.unit.engine.adapters import made
from tests.unit.engine.served import Served, asking, on_wire, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as engine:
        yield engine


async def _load(served: Served, model: gen.ModelRef, folder: Path, **more: Any) -> gen.ModelRef:
    bank = bank_of(served.engine.host.find(model.digest).model)
    assert bank is not None
    manifest = await made.put(served.blobs, bank.sites, model.digest, folder, **more)
    request = pb.LoadAdapterRequest(model_digest=model.digest, manifest=on_wire(manifest))
    await served.call("LoadAdapter", request, pb.LoadAdapterResponse)
    return gen.ModelRef(digest=model.digest, adapter=manifest.ref.digest)


async def test_an_answer_names_the_adapter_that_made_it(served: Served, tmp_path: Path) -> None:
    model = await served.load("transformer")
    adapted = await _load(served, model, tmp_path / "a", size=1.0)
    plain = await served.answer(asking(model, max_tokens=12))
    changed = await served.answer(asking(adapted, max_tokens=12))
    assert [token.id for token in plain.tokens] != [token.id for token in changed.tokens]
    assert changed.finish.model.adapter == adapted.adapter
    assert plain.finish.model.adapter == ""


async def test_loaded_adapters_are_listed_and_leave(served: Served, tmp_path: Path) -> None:
    model = await served.load("transformer")
    before = (await served.stats()).memory_used_bytes
    adapted = await _load(served, model, tmp_path / "a")
    stats = await served.stats()
    assert list(stats.models[0].adapters) == [adapted.adapter]
    assert stats.memory_used_bytes > before
    request = pb.UnloadAdapterRequest(adapter_digest=adapted.adapter)
    assert (await served.call("UnloadAdapter", request, pb.UnloadAdapterResponse)).found
    assert not (await served.call("UnloadAdapter", request, pb.UnloadAdapterResponse)).found
    stats = await served.stats()
    assert (list(stats.models[0].adapters), stats.memory_used_bytes) == ([], before)


async def test_one_that_is_not_loaded_is_refused_by_name(served: Served) -> None:
    model = await served.load("transformer")
    for adapter, kind in (("sha256:" + "1" * 64, NotFound), ("poet", InvalidArgument)):
        with pytest.raises(kind) as refused:
            await served.answer(asking(gen.ModelRef(digest=model.digest, adapter=adapter)))
        assert refused.value.details["field"] == "model.adapter"


async def test_requests_run_on_while_adapters_come_and_go(served: Served, tmp_path: Path) -> None:
    model = await served.load("transformer")
    kept = await _load(served, model, tmp_path / "kept", size=1.0)
    asked = [asking(model, max_tokens=60), asking(kept, max_tokens=60)]
    alone = [[token.id for token in (await served.answer(each)).tokens] for each in asked]
    running = [asyncio.create_task(served.answer(each)) for each in asked]
    for number in range(6):
        passing = await _load(served, model, tmp_path / str(number), seed=number)
        await served.answer(asking(passing, max_tokens=2))
        request = pb.UnloadAdapterRequest(adapter_digest=passing.adapter)
        assert (await served.call("UnloadAdapter", request, pb.UnloadAdapterResponse)).found
    assert [[token.id for token in (await each).tokens] for each in running] == alone
