"""An erasure: who may ask for it, how it is carried out, what is left of it, and what brings it back."""

from datetime import timedelta

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied, Unavailable
from colonnade.memory.domain.erasures import Affected, AskedBy, Erased, Erasure, Held
from colonnade.memory.service.erasing.asking import Asking
from colonnade.memory.service.erasing.carrying import Carrying
from colonnade.memory.service.erasing.own import OwnEraser
from colonnade.memory.service.erasing.secrets import Secrets
from colonnade.memory.service.erasing.watching import Watching
from colonnade.security.envelope import Keyring
from colonnade.security.identity import HOME_TENANT, Principal, Role
from colonnade.security.receipts import keys_of, verified
from colonnade.security.seals import SigningKey, Untrusted
from tests.unit.memory.fake_erasures import FakeEraser, FakeErasures, FakeTombstones
from tests.unit.memory.house import ANN, BOB, BOSS, EVE, Clock, House
from tests.unit.registry.fakes import MemoryTrail

SETTLE = 600.0
AUDITOR = Principal("acme", "au", frozenset({Role.AUDITOR}))


class Office:
    """All of erasing, with two services."""

    def __init__(self) -> None:
        self.clock, self.trail, self.key = Clock(), MemoryTrail(), SigningKey.generate()
        self.erasures, self.tombstones = FakeErasures(), FakeTombstones()
        self.services = {"gateway": FakeEraser(Erased({"usage": 2})), "memory": FakeEraser()}
        self.woken = self.untidy = 0
        self.secrets = Secrets(b"k" * 32, Keyring([b"n" * 32], "test"))
        self.asking = Asking(
            self.erasures, self.tombstones, self.secrets, self.trail, self._wake,
            services=list(self.services), public_key=self.key.public, clock=self.clock,
        )  # fmt: skip
        self.watching = Watching(self.asking, self.erasures, self.tombstones, self.services, self.secrets)
        self.start()

    def start(self) -> None:
        """As a new process does."""
        self.carrying = Carrying(
            self.erasures, self.tombstones, self.services, self.secrets, self.key, self.trail,
            self._overwrite, settle_seconds=SETTLE, clock=self.clock,
        )  # fmt: skip

    async def work(self) -> None:
        while await self.carrying.turn():
            pass

    async def finish(self, erasure: Erasure) -> Erasure:
        await self.work()
        self.clock.pass_by(seconds=SETTLE)
        await self.work()
        return self.erasures.kept[erasure.id]

    def _wake(self) -> None:
        self.woken += 1

    def _overwrite(self) -> None:
        self.untidy += 1


@pytest.fixture
def office() -> Office:
    return Office()


async def test_each_service_is_asked_twice_and_then_the_name_is_gone(office: Office) -> None:
    office.services["gateway"].answer = Erased({"usage": 2}, [Affected("tiny", "1", "trained by job_1")])
    begun = await office.asking.begin("eve", BOSS, why="she asked")
    assert "eve" not in repr(office.erasures.kept)
    await office.work()
    first = [("acme", "eve", begun.id)]
    assert [each.asked for each in office.services.values()] == [first, first]
    assert office.erasures.kept[begun.id].ended_at is None, "what was under way may still come"
    ended = await office.finish(begun)
    assert [each.asked for each in office.services.values()] == [first * 2, first * 2]
    assert (ended.sealed, office.untidy, office.woken) == ("", 1, 1)
    facts = verified(ended.receipt, keys_of(office.key.public))
    assert facts["removed"] == {"gateway": {"usage": 4}, "memory": {}}
    assert facts["affected"] == [{"model": "tiny", "version": "1", "why": "trained by job_1"}]
    assert facts["subject_mark"] == office.secrets.mark("acme", "eve")
    assert "eve" not in ended.receipt + repr(facts)
    assert office.trail.records[-1][:1] == ("subject.erased",)


async def test_a_service_that_is_away_is_told_of_tried_again_and_holds_up_nobody(office: Office) -> None:
    office.services["gateway"].failure = Unavailable("gateway cannot be reached, nor eve")
    begun = await office.asking.begin("eve", BOSS)
    await office.carrying.turn()
    waiting = office.erasures.kept[begun.id].steps[0]
    assert (waiting.tries, waiting.reason) == (1, "gateway cannot be reached, nor …")
    await office.work()
    assert office.services["memory"].asked
    assert len(office.services["gateway"].asked) == 1, "it is not asked again at once"
    office.services["gateway"].failure = None
    office.clock.pass_by(seconds=2)
    assert (await office.finish(begun)).receipt


async def test_what_nobody_expected_leaves_it_open_as_well(office: Office) -> None:
    office.services["memory"].failure = RuntimeError("eve")
    begun = await office.asking.begin("eve", BOSS)
    for _ in range(3):
        await office.carrying.turn()
    last = office.erasures.kept[begun.id].steps[1]
    assert (last.done_at, last.reason) == (None, "it failed for a reason of its own; see the logs")


async def test_a_service_that_is_listed_no_longer_is_missed(office: Office) -> None:
    begun = await office.asking.begin("eve", BOSS)
    del office.services["gateway"]
    await office.carrying.turn()
    assert "COLONNADE_MEMORY_ERASE_SERVICES" in office.erasures.kept[begun.id].steps[0].reason


async def test_another_process_goes_on(office: Office) -> None:
    begun = await office.asking.begin("eve", BOSS)
    await office.carrying.turn()
    office.start()
    assert (await office.finish(begun)).receipt
    assert [len(each.asked) for each in office.services.values()] == [2, 2]


async def test_one_goes_on_at_a_time_and_a_key_is_known_again(office: Office) -> None:
    begun = await office.asking.begin("eve", BOSS, key="k")
    assert (await office.asking.begin("eve", EVE)).id == begun.id
    await office.finish(begun)
    assert (await office.asking.begin("eve", BOSS, key="k")).id == begun.id
    assert (await office.asking.begin("eve", BOSS, key="other")).id != begun.id
    with pytest.raises(Conflict):
        await office.asking.begin("bob", BOSS, key="k")


async def test_who_may_ask(office: Office) -> None:
    assert (await office.asking.begin("eve", EVE)).asked_by is AskedBy.SUBJECT
    assert (await office.asking.begin("bob", BOSS)).asked_by is AskedBy.ADMIN
    with pytest.raises(PermissionDenied, match="an admin of their tenant"):
        await office.asking.begin("eve", BOB)
    with pytest.raises(PermissionDenied, match="tenant must be left out"):
        await office.asking.begin("eve", ANN, tenant="acme")
    chief = Principal(HOME_TENANT, "chief", frozenset({Role.ADMIN}))
    assert (await office.asking.begin("zoe", chief, tenant="acme")).tenant == "acme"
    assert (await office.asking.begin("eve", ANN)).tenant == "globex", "another one of the same name"


async def test_why_never_names_them(office: Office) -> None:
    with pytest.raises(InvalidArgument, match="must not name"):
        await office.asking.begin("eve", BOSS, why="Eve asked")


async def test_who_sees_it(office: Office) -> None:
    begun = await office.asking.begin("eve", BOSS)
    for who in (EVE, BOSS, AUDITOR):
        assert (await office.asking.get(begun.id, who)).id == begun.id
    for stranger in (BOB, ANN):
        with pytest.raises(NotFound):
            await office.asking.get(begun.id, stranger)
    assert [each.id for each in (await office.asking.page(BOSS))[0]] == [begun.id]
    assert not (await office.asking.page(ANN))[0]


async def test_what_a_backup_brings_back_is_erased_again(office: Office) -> None:
    ended = await office.finish(await office.asking.begin("eve", BOSS))
    before, after = ended.began_at - timedelta(days=1), office.clock()
    office.services["gateway"].people = [Held("acme", "bob", before), Held("acme", "eve", after)]
    await office.watching.turn()
    assert len(office.erasures.kept) == 1, "who came back on their own stays"
    office.services["gateway"].people = [Held("acme", "eve", before)]
    office.services["memory"].people = [Held("acme", "eve", before)]
    await office.watching.turn()
    *_, again = office.erasures.kept.values()
    assert (len(office.erasures.kept), again.asked_by, again.mark) == (2, AskedBy.RESTORED, ended.mark)


async def test_a_service_that_cannot_say_is_asked_again(office: Office) -> None:
    ended = await office.finish(await office.asking.begin("eve", BOSS))
    office.services["gateway"].failure = Unavailable("gateway cannot be reached")
    office.services["memory"].people = [Held("acme", "eve", ended.began_at - timedelta(days=1))]
    with pytest.raises(Unavailable):
        await office.watching.turn()
    assert len(office.erasures.kept) == 2, "the others were asked all the same"


async def test_a_receipt_of_somebody_else_or_changed_is_none(office: Office) -> None:
    ended = await office.finish(await office.asking.begin("eve", BOSS))
    with pytest.raises(Untrusted, match="another key"):
        verified(ended.receipt, keys_of(SigningKey.generate().public))
    keys = keys_of(office.key.public)
    payload = ended.receipt.split('"payload": "')[1][:40]
    with pytest.raises(Untrusted):
        verified(ended.receipt.replace(payload, payload[::-1]), keys)
    with pytest.raises(Untrusted):
        verified("{}", keys)
    with pytest.raises(InvalidArgument, match="PEM"):
        keys_of("no key")


class Keys:
    async def erase(self, tenant: str, subject: str) -> int:
        return 1


async def test_memory_erases_its_own() -> None:
    house = House()
    await house.fact("Eve likes tea")
    await house.say("Hello")
    await house.fact("Bob likes tea", BOB)
    met = await house.episode("We met", BOB, people=("eve", "zoe"))
    own = OwnEraser(house.store, Keys(), house.heard, house.store.tidy)
    erased = await own.erase("acme", "eve", "era_1")
    assert erased.removed == {"memories": 2, "names": 1, "audit_keys": 1}
    assert [each.subject async for each in own.held()] == ["bob"]
    assert (await house.memories.get(met.id, BOB)).people == ("zoe",)
    assert house.store.tidied == 1
    assert (await own.erase("acme", "eve", "era_1")).removed == {"audit_keys": 1}
