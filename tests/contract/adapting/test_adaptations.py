"""Adaptations from their beginning to their proposal, through failures, on every database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound, Unavailable
from colonnade.ethics.adapting.adapters.sql_adaptations import SqlAdaptations
from colonnade.ethics.adapting.domain.adaptations import Adaptation, Asker, State
from colonnade.ethics.adapting.domain.plans import Plan, plan_of
from colonnade.ethics.adapting.evaluating import Evaluating
from colonnade.ethics.adapting.pairing import Pairing
from colonnade.ethics.adapting.ports import Job, Preferred
from colonnade.ethics.adapting.prompts import Prompts
from colonnade.ethics.adapting.running import Runner
from colonnade.ethics.adapting.service import Adapting
from colonnade.ethics.adapting.stages import Stages, World
from colonnade.ethics.bias.domain.reports import Version
from colonnade.security.identity import Principal, Role
from tests.contract.bias.test_reports import Silent
from tests.unit.ethics.adapting.fakes import (
    BETTER,
    SMOL,
    Given,
    MemoryRows,
    NoRewards,
    Proposer,
    Scored,
    Speaker,
    Speakers,
    Trainer,
)

ADA, EVE = (Principal(tenant, "ada", frozenset({Role.ADMIN})) for tenant in ("acme", "other"))
PROMPTS = Prompts(("P one?", "P two?"), ("Harmful?", "Worse?"), ("Harmless?",), ("A text.",))
SAID = Preferred("Given?", '{"prompt": "Given?"}', ("fb_1",))


@dataclass
class Stage:
    """All that an adaptation meets, around a store."""

    store: SqlAdaptations
    speakers: Speakers = field(default_factory=Speakers)
    given: Given = field(default_factory=Given)
    rows: MemoryRows = field(default_factory=MemoryRows)
    trainer: Trainer = field(default_factory=Trainer)
    rollouts: Proposer = field(default_factory=Proposer)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    at_once: int = 3

    def runner(self) -> Runner:
        harm, rewards = Scored(), NoRewards()
        world = World(self.store, self.speakers, self.given, self.rows, self.trainer, self.rollouts)
        pairing = Pairing(harm, rewards, self.given, PROMPTS)
        stages = Stages(world, pairing, Evaluating(harm, PROMPTS), lambda: self.now, self.at_once)
        return Runner(self.store, stages, self.rows, clock=lambda: self.now)

    @property
    def adapting(self) -> Adapting:
        return Adapting(
            self.store, self.speakers, NoRewards(), self.rows, self.trainer, Silent(), clock=lambda: self.now
        )

    async def start(self, plan: Plan | None = None, who: Principal = ADA, key: str = "") -> Adaptation:
        self.now += timedelta(milliseconds=1)
        return await self.adapting.start(plan or plan_of("smol"), who, key)

    async def trained(self, begun: Adaptation) -> Adaptation:
        """After the turn in which its job was submitted, and looked at."""
        assert await self.runner().once()
        return await self.store.get("acme", begun.id)

    async def ended(self, begun: Adaptation) -> Adaptation:
        while not (found := await self.store.get("acme", begun.id)).state.ended:
            self.now += timedelta(minutes=1)
            assert await self.runner().once()
        return found


@pytest.fixture
def stage(store: SqlAdaptations) -> Stage:
    return Stage(store)


async def test_an_adaptation_becomes_a_proposal(stage: Stage) -> None:
    stage.given.given["ann"] = SAID
    begun = await stage.start()
    assert (begun.state, begun.version, begun.by) == (State.PAIRING, SMOL, "acme/ada")
    training = await stage.trained(begun)
    assert (training.state, training.job, training.done) == (State.TRAINING, "job_1", 3)
    assert stage.rows.rows[begun.id][-1] == SAID.line
    assert len(stage.rows.rows[begun.id]) == 5
    assert not await stage.runner().once(), "the job has its time"

    done = await stage.ended(begun)
    assert (done.state, done.adapted, done.rollout, done.why) == (State.PROPOSED, BETTER, "ro_1", "")
    assert [(each.source, each.tried, each.pairs, each.lowered) for each in done.counts] == [
        ("feedback", 1, 1, 0), ("best_of_n", 2, 2, 0), ("revision", 2, 2, 2),
    ]  # fmt: skip
    harm = next(each for each in done.figures if each.measure == "harm")
    assert (harm.before[0], harm.after[0], harm.count) == (1.0, 0.0, 2)
    assert stage.rollouts.proposed == [(BETTER, "production", "careful", begun.id)]
    assert stage.trainer.askers == [Asker("acme", "ada", ("admin",))]
    assert stage.rows.rows == {}, "no text waits where it is not needed"
    assert not await stage.runner().once(), "there is no other"


async def test_another_goes_on_where_one_has_died(stage: Stage) -> None:
    stage.speakers.speakers[SMOL] = Speaker(dies_at=1)
    stage.at_once = 1
    begun = await stage.start()
    with pytest.raises(RuntimeError, match="killed"):
        await stage.runner().once()
    assert (await stage.store.get("acme", begun.id)).done == 1
    assert not await stage.runner().once(), "it may be alive"
    other = stage.speakers.speakers[SMOL] = Speaker()
    stage.now += timedelta(hours=1)
    assert (await stage.trained(begun)).state is State.TRAINING
    assert other.asked[0] == "P two?", "what is known is not asked again"
    assert len((await stage.adapting.pairs(begun.id, 0, "", ADA))[0]) == 4


class _Dies(Trainer):
    async def job(self, asker: Asker, job_id: str) -> Job:
        raise RuntimeError("killed")


async def test_after_a_death_there_is_one_job(stage: Stage) -> None:
    stage.trainer = _Dies()
    begun = await stage.start()
    with pytest.raises(RuntimeError, match="killed"):
        await stage.runner().once()
    known, stage.trainer = stage.trainer.jobs, Trainer()
    stage.trainer.jobs, stage.now = known, stage.now + timedelta(hours=1)
    assert (await stage.trained(begun)).job == "job_1"
    assert stage.trainer.recipes == [], "it was submitted before"


class _Away(Trainer):
    async def submit(self, asker: Asker, recipe: str, key: str) -> str:
        raise Unavailable("training is away")


async def test_what_is_away_is_waited_for_and_given_up_after_a_day(stage: Stage) -> None:
    stage.trainer = _Away()
    begun, runner = await stage.start(), stage.runner()
    assert await runner.once()
    waiting = await stage.store.get("acme", begun.id)
    assert (waiting.state, waiting.ended_at) == (State.TRAINING, None)
    stage.now += timedelta(hours=25)
    assert await runner.once()
    ended = await stage.store.get("acme", begun.id)
    assert (ended.state, ended.why) == (State.FAILED, "away for a day: training is away")
    assert stage.rows.rows == {}


async def test_an_adaptation_that_fails_says_why(stage: Stage) -> None:
    stage.speakers.speakers[SMOL] = Speaker("No.", ("No.",))
    begun = await stage.start()
    assert "no source came to a pair" in (await stage.trained(begun)).why
    stage.speakers.speakers[SMOL] = Speaker()
    stage.trainer.end = Job("job_1", True, "out of memory")
    ended = await stage.ended(await stage.start())
    assert (ended.state, ended.rollout) == (State.FAILED, "")
    assert ended.why == "the training job job_1 ended without a version: out of memory"


async def test_what_became_worse_is_not_proposed(stage: Stage) -> None:
    stage.speakers.speakers[BETTER] = Speaker("No.", nats=9.0)
    ended = await stage.ended(await stage.start())
    assert (ended.state, ended.adapted) == (State.FAILED, BETTER)
    assert "unlearnt" in ended.why
    assert stage.rollouts.proposed == []


class _Refuses(Proposer):
    async def propose(
        self, asker: Asker, version: Version, route: str, policy: str, why: str, key: str
    ) -> str:
        raise Conflict("a rollout is under way")


async def test_a_rollout_that_is_refused_leaves_the_version(stage: Stage) -> None:
    stage.rollouts = _Refuses()
    ended = await stage.ended(await stage.start())
    assert (ended.state, ended.adapted) == (State.FAILED, BETTER)
    assert ended.why == "smol:2 is there, and its rollout was refused: a rollout is under way"
    assert ended.figures


async def test_cancelling_ends_the_job_too(stage: Stage) -> None:
    begun = await stage.start()
    await stage.trained(begun)
    ended = await stage.adapting.cancel(begun.id, ADA)
    assert (ended.state, stage.trainer.cancelled, stage.rows.rows) == (State.CANCELLED, ["job_1"], {})
    assert (await stage.adapting.cancel(begun.id, ADA)).state is State.CANCELLED
    stage.now += timedelta(hours=1)
    assert not await stage.runner().once()
    with pytest.raises(NotFound):
        await stage.adapting.cancel(begun.id, EVE)
    stage.trainer.looked = 0
    done = await stage.ended(await stage.start())
    with pytest.raises(Conflict, match="proposed"):
        await stage.adapting.cancel(done.id, ADA)


class _CancelsMeanwhile(Trainer):
    stage: Stage

    async def submit(self, asker: Asker, recipe: str, key: str) -> str:
        job = await super().submit(asker, recipe, key)
        await self.stage.adapting.cancel(key, ADA)
        return job


async def test_a_job_that_was_submitted_meanwhile_is_cancelled(stage: Stage) -> None:
    stage.trainer = trainer = _CancelsMeanwhile()
    trainer.stage = stage
    assert (await stage.trained(await stage.start())).state is State.CANCELLED
    assert (trainer.cancelled, stage.rows.rows) == (["job_1"], {})


async def test_a_key_begins_one_adaptation(stage: Stage) -> None:
    first = await stage.start(key="k")
    assert (await stage.start(key="k")).id == first.id
    with pytest.raises(Conflict):
        await stage.start(plan_of("smol", steps=5), key="k")
    assert (await stage.start(who=EVE, key="k")).id != first.id


async def test_tenants_see_their_own_newest_first(stage: Stage) -> None:
    made = [(await stage.start()).id for _ in range(3)]
    first, page = await stage.adapting.page("", 2, "", ADA)
    rest, end = await stage.adapting.page("smol", 2, page, ADA)
    assert ([each.id for each in (*first, *rest)], end) == (made[::-1], "")
    assert await stage.adapting.page("", 0, "", EVE) == ([], "")
    with pytest.raises(NotFound):
        await stage.adapting.get(made[0], EVE)


async def test_pairs_come_in_pages(stage: Stage) -> None:
    begun = await stage.start()
    await stage.trained(begun)
    first, page = await stage.adapting.pairs(begun.id, 3, "", ADA)
    rest, end = await stage.adapting.pairs(begun.id, 3, page, ADA)
    assert [each.source for each in (*first, *rest)] == ["best_of_n"] * 2 + ["revision"] * 2
    assert end == ""
    with pytest.raises(InvalidArgument, match="page"):
        await stage.adapting.pairs(begun.id, 3, "before/00000", ADA)
    with pytest.raises(NotFound):
        await stage.adapting.pairs(begun.id, 3, "", EVE)


async def test_of_a_giver_who_is_erased_no_text_waits(stage: Stage) -> None:
    stage.given.given |= {"ann": SAID}
    begun = await stage.start()
    await stage.trained(begun)
    assert (await stage.adapting.erase("other", "ann"))["adaptation_rows"] == 0
    assert begun.id in stage.rows.rows
    assert (await stage.adapting.erase("acme", "ann"))["adaptation_rows"] == 1
    assert (await stage.adapting.erase("acme", "ann"))["adaptation_rows"] == 0
    assert stage.rows.rows == {}


class _ErasedMeanwhile(MemoryRows):
    given: Given

    async def write(self, adaptation: str, lines: Sequence[str]) -> str:
        self.given.given.clear()
        return await super().write(adaptation, lines)


async def test_what_is_erased_while_it_is_written_is_written_anew_without_it(stage: Stage) -> None:
    stage.given.given["ann"] = SAID
    stage.rows = rows = _ErasedMeanwhile()
    rows.given = stage.given
    begun, runner = await stage.start(), stage.runner()
    assert await runner.once()
    assert (rows.rows, stage.trainer.jobs) == ({}, {})
    stage.now += timedelta(minutes=1)
    assert await runner.once()
    assert [SAID.line in lines for lines in rows.written] == [True, False]
    assert list(stage.trainer.jobs) == [begun.id]


async def test_of_an_asker_who_is_erased_nothing_is_left(stage: Stage) -> None:
    plan = plan_of("smol", prompts=["My own?"])
    begun = await stage.start(plan, ADA, "k")
    await stage.trained(begun)
    await stage.start(plan, EVE, "k")
    held = await stage.store.held(("", ""), 10)
    assert [each[:2] for each in held] == [("acme", "ada"), ("other", "ada")]
    assert held[0][2] == begun.created_at
    assert [each[:2] for each in await stage.store.held(("acme", "ada"), 1)] == [("other", "ada")]
    told = {"adaptation_authors": 1, "adaptation_pieces": 2, "adaptation_rows": 1}
    assert await stage.adapting.erase("acme", "ada") == told
    assert set((await stage.adapting.erase("acme", "ada")).values()) == {0}
    left = await stage.store.get("acme", begun.id)
    assert (left.by, left.plan.prompts, left.state) == ("", (), State.FAILED)
    assert left.why == "whoever asked for it was erased"
    assert (stage.trainer.cancelled, stage.rows.rows) == (["job_1"], {})
    assert await stage.store.pieces(begun.id) == {}
    assert [each[:2] for each in await stage.store.held(("", ""), 10)] == [("other", "ada")]
    assert (await stage.start(plan, key="k")).id != begun.id, "nothing is known of the key either"
