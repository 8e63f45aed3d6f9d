"""A version that is not sealed as it should be is refused before any byte of it is read, loaded or not."""

from dataclasses import replace
from pathlib import Path

import pytest

from colonnade.engine.artefacts import Manifest
from colonnade.engine.core import Core
from colonnade.engine.integrity import REFUSED
from colonnade.engine.models import ModelHost
from colonnade.engine.scheduler import Limits
from colonnade.engine.seals import Seals, sealed_of
from colonnade.engine.wire import loaded_model
from colonnade.errors import Conflict
from colonnade.security.seals import SigningKey, Trusted, publish, signed
from colonnade.storage.blobs import LocalBlobStore
from tests.unit.engine.toys.artefacts import put

BUDGET = 1 << 24


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    made = SigningKey.generate()
    publish(made, tmp_path / "keys")
    return made


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")


@pytest.fixture
def host(tmp_path: Path, blobs: LocalBlobStore) -> ModelHost:
    seals = Seals(Trusted((tmp_path / "keys",)))
    return ModelHost(blobs, Core(Limits()), memory_bytes=BUDGET, seals=seals)


def sealed(manifest: Manifest, key: SigningKey, **changes: object) -> Manifest:
    changed = replace(manifest, **changes)  # type: ignore[arg-type]
    return replace(changed, seal=signed(sealed_of(changed), key))


async def load(host: ModelHost, manifest: Manifest) -> None:
    async for _ in host.load(manifest):
        pass


async def test_what_is_sealed_is_loaded_and_said_to_be(
    host: ModelHost, blobs: LocalBlobStore, key: SigningKey
) -> None:
    good = sealed(await put(blobs), key)
    await load(host, good)
    told = loaded_model(host.find(good.ref.digest), 0, 0, host.seals)
    assert [(each.name, each.version, each.digest) for each in told.sealed] == [
        (good.ref.name, good.ref.version, good.ref.digest)
    ]


async def test_what_is_not_is_refused_before_it_is_read_and_counted(
    host: ModelHost, blobs: LocalBlobStore, key: SigningKey
) -> None:
    plain = await put(blobs)
    before = REFUSED.labels("seal")._value.get()
    for artefact in plain.artefacts:
        await blobs.delete(artefact.digest)  # whoever looked for a file would say that it is not there
    for bad in (plain, sealed(plain, SigningKey.generate()), replace(sealed(plain, key), tenant="other")):
        with pytest.raises(Conflict) as refusal:
            await load(host, bad)
        assert refusal.value.details["integrity"] == "seal"
    assert host.loaded == []
    assert REFUSED.labels("seal")._value.get() == before + 3


async def test_content_that_is_loaded_is_refused_under_a_name_it_was_not_signed_for(
    host: ModelHost, blobs: LocalBlobStore, key: SigningKey
) -> None:
    good = sealed(await put(blobs), key)
    await load(host, good)
    other = replace(good, ref=replace(good.ref, version=good.ref.version + 1))
    with pytest.raises(Conflict, match="another version"):
        await load(host, other)
    again = sealed(other, key)
    await load(host, again)
    assert len(host.loaded) == 1
    assert host.seals.good([good.ref.digest]) == [good.ref, again.ref]


async def test_a_key_that_is_trusted_later_needs_no_restart(
    host: ModelHost, blobs: LocalBlobStore, tmp_path: Path
) -> None:
    late = SigningKey.generate()
    good = sealed(await put(blobs), late)
    with pytest.raises(Conflict, match="not trusted"):
        await load(host, good)
    publish(late, tmp_path / "keys")
    await load(host, good)


async def test_without_trusted_keys_files_alone_are_checked(blobs: LocalBlobStore) -> None:
    host = ModelHost(blobs, Core(Limits()), memory_bytes=BUDGET)
    await load(host, await put(blobs))
    assert not host.seals.checked
    assert host.seals.good([host.loaded[0].ref.digest]) == []
