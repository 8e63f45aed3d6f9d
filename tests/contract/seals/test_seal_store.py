"""What every store of seals does: a version and its seal come together, and a seal is of that version."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from colonnade.errors import Conflict, NotFound
from colonnade.registry.adapters import sealing
from colonnade.registry.adapters.key_pair import KeyPair
from colonnade.registry.adapters.seal_tables import SEALS
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_seals import SqlSealStore
from colonnade.registry.adapters.tables import ARTEFACTS
from colonnade.registry.seals.ports import Owned
from colonnade.security.seals import SigningKey, Untrusted, check
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS
from tests.unit.registry.fakes import START, draft

LATER = START + timedelta(seconds=15)


@dataclass
class Stores:
    database: Database
    sealer: KeyPair

    @property
    def versions(self) -> SqlVersionStore:
        return SqlVersionStore(self.database, self.sealer)

    @property
    def seals(self) -> SqlSealStore:
        return SqlSealStore(self.database, self.sealer)

    def check(self, owned: Owned | None, key: SigningKey | None = None) -> str:
        assert owned is not None
        pair = key or self.sealer.pair
        public = load_pem_public_key(pair.public.encode())
        assert isinstance(public, EllipticCurvePublicKey)
        return check(owned.seal.bundle if owned.seal else "", owned.sealed, {pair.id: public})


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> Stores:
    return Stores(opened(request.param, "colonnade.registry"), KeyPair(SigningKey.generate()))


async def test_a_version_comes_with_its_seal(stores: Stores) -> None:
    version = await stores.versions.register(draft("smol", 1), alias="")
    found = await stores.seals.find("smol", 1)
    assert found is not None
    assert (found.manifest, found.tenant) == (version.manifest, "acme")
    assert stores.check(found) == stores.sealer.key
    assert found.seal is not None
    assert (found.seal.sealed_by, found.seal.sealed_at) == ("acme/eve", START)
    assert await stores.seals.find("smol", 2) is None
    assert await stores.seals.find_content(version.manifest.digest) == found


async def test_each_name_and_number_has_its_own(stores: Stores) -> None:
    these = (("smol", 1), ("smol", 2), ("other", 1))  # whose seeds are their numbers
    for name, seed in these:
        await stores.versions.register(draft(name, seed), alias="")
    found = [await stores.seals.find(name, number) for name, number in these]
    assert [stores.check(each) for each in found] == [stores.sealer.key] * 3
    owned = [each for each in found if each]
    for one in owned:
        for other in owned:
            if one is not other:
                with pytest.raises(Untrusted):
                    stores.check(Owned(one.manifest, one.tenant, other.seal))


async def test_what_is_registered_again_keeps_its_seal(stores: Stores) -> None:
    await stores.versions.register(draft("smol", 1), alias="")
    before = await stores.seals.find("smol", 1)
    await stores.versions.register(draft("smol", 1, at=LATER), alias="canary")
    assert await stores.seals.find("smol", 1) == before


async def test_a_version_whose_seal_was_taken_is_not_signed_by_registering_it_again(
    stores: Stores,
) -> None:
    await stores.versions.register(draft("smol", 1), alias="")
    await _forget(stores)
    await stores.versions.register(draft("smol", 1), alias="")
    assert await stores.seals.list_seals("smol", limit=9) == [(1, None)]


async def test_another_key_signs_again(stores: Stores) -> None:
    for seed in (1, 2):
        await stores.versions.register(draft("smol", seed), alias="")
    old, stores.sealer = stores.sealer, KeyPair(SigningKey.generate())
    made = await stores.seals.sign("smol", 2, by="acme/eve", at=LATER)
    assert (made.version, made.key, made.sealed_at) == (2, stores.sealer.key, LATER)
    listed = await stores.seals.list_seals("smol", limit=9)
    assert [(number, seal and seal.key) for number, seal in listed] == [(2, stores.sealer.key), (1, old.key)]
    assert stores.check(await stores.seals.find("smol", 2)) == stores.sealer.key
    assert stores.check(await stores.seals.find("smol", 1), old.pair) == old.key
    with pytest.raises(NotFound):
        await stores.seals.sign("smol", 3, by="acme/eve", at=LATER)


async def test_versions_from_before_are_signed_but_for_those_that_were_changed(stores: Stores) -> None:
    plain = SqlVersionStore(stores.database)
    for seed in (1, 2, 3):
        await plain.register(draft("smol", seed), alias="")
    bad = draft("smol", 2).content
    async with stores.database.engine.begin() as connection:
        changed = ARTEFACTS.update().where(ARTEFACTS.c.content == bad.digest)
        await connection.execute(changed.values(size_bytes=ARTEFACTS.c.size_bytes + 1))
    assert await stores.seals.has_unsealed()
    assert await stores.seals.sign_unsealed(by="platform/registry", at=LATER) == 2
    listed = await stores.seals.list_seals("smol", limit=9)
    assert [(number, seal is not None) for number, seal in listed] == [(3, True), (2, False), (1, True)]
    assert await stores.seals.sign_unsealed(by="platform/registry", at=LATER) == 0
    with pytest.raises(Conflict, match="not signed"):
        await stores.seals.sign("smol", 2, by="acme/eve", at=LATER)


async def test_a_whole_model_is_signed_again_within_a_transaction(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_AT_ONCE", 2)
    for seed in range(1, 6):
        await stores.versions.register(draft("smol", seed), alias="")
    stores.sealer = KeyPair(SigningKey.generate())
    await stores.database.write(
        lambda connection: sealing.seal_model(connection, stores.sealer, "smol", by="acme/eve", at=LATER)
    )
    assert [stores.check(await stores.seals.find("smol", number)) for number in range(1, 6)] == [
        stores.sealer.key
    ] * 5


async def _forget(stores: Stores) -> None:
    async with stores.database.engine.begin() as connection:
        await connection.execute(SEALS.delete())
