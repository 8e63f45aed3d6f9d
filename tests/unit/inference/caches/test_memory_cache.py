"""The store in this process against a slow one that adds everything up anew."""

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from colonnade.inference.adapters.memory_cache import OVERHEAD_BYTES, MemoryAnswers
from colonnade.inference.domain import Kept, Place
from tests.unit.inference.caches.conftest import Clock

MAX_BYTES, ENTRY_BYTES, SECONDS = 5 * OVERHEAD_BYTES, 900, 10
acts = st.lists(
    st.tuples(st.sampled_from(["put", "get", "wait", "purge"]), st.integers(0, 6), st.integers(0, 1000)),
    max_size=60,
)


def place(name: int) -> Place:
    return Place(f"tenant {name % 2}", f"sha256:{name % 3}", bytes([name]))


class SlowStore:
    def __init__(self) -> None:
        self.kept: OrderedDict[Place, tuple[bytes, float]] = OrderedDict()

    def get(self, place: Place, now: float) -> bytes | None:
        body, until = self.kept.get(place, (None, 0.0))
        if body is None or now >= until:
            self.kept.pop(place, None)
            return None
        self.kept.move_to_end(place)
        return body

    def put(self, place: Place, body: bytes, now: float) -> None:
        if len(body) > ENTRY_BYTES:
            return
        self.kept.pop(place, None)
        self.kept[place] = body, now + SECONDS
        while self.bytes > MAX_BYTES:
            self.kept.popitem(last=False)

    @property
    def bytes(self) -> int:
        return sum(len(body) + OVERHEAD_BYTES for body, _ in self.kept.values())


@given(acts)
async def test_as_a_store_that_adds_up_anew(acts: list[tuple[str, int, int]]) -> None:
    clock, slow, evicted = Clock(), SlowStore(), [0]

    def counted() -> None:
        evicted[0] += 1

    store = MemoryAnswers(MAX_BYTES, entry_bytes=ENTRY_BYTES, seconds=SECONDS, clock=clock, evicted=counted)
    for act, name, size in acts:
        if act == "put":
            await store.put(place(name), Kept(bytes(size), 0))
            slow.put(place(name), bytes(size), clock.now)
        elif act == "get":
            found = await store.get(place(name))
            assert (found.body if found else None) == slow.get(place(name), clock.now)
        elif act == "wait":
            clock.now += size / 250
        else:
            gone = [each for each in slow.kept if each.digest == place(name).digest]
            assert await store.purge(place(name).digest, "") == len(gone)
            for each in gone:
                del slow.kept[each]
        figures = store.figures()
        assert (figures.answers, figures.size_bytes) == (len(slow.kept), slow.bytes)
        assert figures.size_bytes <= MAX_BYTES
        assert figures.evictions == evicted[0]
