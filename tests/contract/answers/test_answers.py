"""What every store of answers does, wherever it keeps them."""

from colonnade.inference.domain import Kept, Place
from colonnade.inference.ports import AnswerStore
from tests.contract.answers.conftest import ENTRY_BYTES

PLACE = Place("acme", "sha256:aa", b"\x00key")
KEPT = Kept(b"\x00an answer\xff", 1_900_000_000.25)


async def test_what_is_put_is_found(store: AnswerStore) -> None:
    assert await store.get(PLACE) is None
    await store.put(PLACE, KEPT)
    assert await store.get(PLACE) == KEPT


async def test_what_is_put_again_replaces_it(store: AnswerStore) -> None:
    await store.put(PLACE, KEPT)
    await store.put(PLACE, Kept(b"", 2.0))
    assert await store.get(PLACE) == Kept(b"", 2.0)


async def test_places_do_not_share(store: AnswerStore) -> None:
    await store.put(PLACE, KEPT)
    for other in (
        Place("umbrella", PLACE.digest, PLACE.key),
        Place(PLACE.tenant, "sha256:bb", PLACE.key),
        Place(PLACE.tenant, PLACE.digest, b"\x00ke"),
        Place("acme:sha256", "aa", PLACE.key),
    ):
        assert await store.get(other) is None


async def test_what_is_too_large_is_left_out(store: AnswerStore) -> None:
    await store.put(PLACE, KEPT)
    await store.put(PLACE, Kept(bytes(ENTRY_BYTES + 1), 1.0))
    assert await store.get(PLACE) == KEPT
    await store.put(PLACE, Kept(bytes(ENTRY_BYTES), 1.0))
    assert await store.get(PLACE) == Kept(bytes(ENTRY_BYTES), 1.0)


async def test_purged_by_version_tenant_and_both(store: AnswerStore) -> None:
    places = {
        (tenant, digest, key): Place(tenant, digest, key)
        for tenant in ("acme", "a*")
        for digest in ("sha256:aa", "sha256:bb")
        for key in (b"1", b"2")
    }

    async def fill() -> None:
        for place in places.values():
            await store.put(place, KEPT)

    async def left() -> set[tuple[str, str, bytes]]:
        return {name for name, place in places.items() if await store.get(place)}

    for digest, tenant in (("sha256:aa", ""), ("", "a*"), ("sha256:bb", "acme"), ("", ""), ("sha256:a", "")):
        await fill()
        stay = {name for name in places if (digest and name[1] != digest) or (tenant and name[0] != tenant)}
        assert await store.purge(digest, tenant) == len(places) - len(stay)
        assert await left() == stay


async def test_many_are_purged(store: AnswerStore) -> None:
    for number in range(1200):
        await store.put(Place("acme", "sha256:aa", number.to_bytes(2, "big")), KEPT)
    assert await store.purge("sha256:aa", "") == 1200
    assert await store.purge("", "") == 0


async def test_it_says_what_it_is(store: AnswerStore) -> None:
    await store.put(PLACE, KEPT)
    figures = store.figures()
    assert figures.name in ("memory", "redis")
    assert (figures.size_bytes > 0) == (figures.name == "memory")
