"""Which version embeds questions."""

from colonnade.inference.caches.encoder import Encoder
from colonnade.inference.domain import Parcel, Work
from tests.unit.inference.caches.conftest import Clock, FakeParcels
from tests.unit.inference.fakes import FakeRegistry


async def test_looked_up_now_and_then() -> None:
    registry, clock, asked = FakeRegistry(), Clock(), list[Work]()

    async def embed(work: Work) -> Parcel:
        asked.append(work)
        return "0.5 1"

    encoder = Encoder(registry, embed, FakeParcels(), "minilm", clock)
    for _ in range(3):
        assert await encoder("a question") == ("sha256:minilm", [0.5, 1.0])
    assert registry.asked == ["minilm"]
    clock.now += 31
    await encoder("a question")
    assert registry.asked == ["minilm"] * 2
    assert [work.parcel for work in asked] == ["a question"] * 4
