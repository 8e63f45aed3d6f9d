"""A rollout under way: who stands in, what is copied, and what is counted of whom."""

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import (
    ColonnadeError,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    Overloaded,
    Unavailable,
)
from colonnade.gateway.domain.caching import Cached
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, GenerationSpec, Timings, Token, Usage
from colonnade.gateway.domain.models import Resolution, Target, Watched
from colonnade.gateway.domain.rollouts import Outcome, Outcomes
from colonnade.gateway.domain.stand_ins import MAX_FALLBACKS, Shadow
from colonnade.gateway.service.caches import Caches
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.rollouts.sightings import MOST_PHASES, Sightings
from colonnade.gateway.service.stages.draw_version import DrawVersion
from colonnade.gateway.service.stages.stand_ins import StandIns
from colonnade.gateway.service.stages.watch_rollout import WatchRollout
from colonnade.security.identity import Principal
from colonnade.telemetry.first_tokens import CLASSES, class_of
from tests.unit.gateway.fakes import FakeAudit, FakeCaches, FakeCatalog, FakeRollouts, House, finish, target

STABLE = Target("tiny", 1, "sha256:" + "1" * 64, 90)
CANDIDATE = Target("tiny", 2, "sha256:" + "2" * 64, 10)
WATCHED = Watched("ro_1", "canary-0", CANDIDATE, 0, STABLE)
SHADOWED = Watched("ro_1", "shadow-0", CANDIDATE, 100, STABLE)


def exchange(drawn: Target = CANDIDATE, watched: Watched | None = WATCHED) -> Exchange:
    asked = Exchange("id", identity=Principal.service("gateway"), spec=GenerationSpec(prompt="x"))
    asked.target, asked.watched = drawn, watched
    return asked


def stand_ins(fallbacks: str = "", shadow: float = 0.0) -> StandIns:
    settings = {"tiny": tuple(fallbacks.split(","))} if fallbacks else {}
    shadows = {"tiny": Shadow("tiny:1", shadow)} if shadow else {}
    return StandIns(Resolver(FakeCatalog()), Random(1), settings, shadows)


async def stood_in(asked: Exchange, stage: StandIns) -> Target:
    await stage.before(asked)
    assert asked.target is not None
    return asked.target


async def test_the_stable_version_stands_in_for_the_candidate_alone() -> None:
    assert (await stood_in(exchange(), stand_ins())).fallbacks == (STABLE,)
    assert (await stood_in(exchange(STABLE), stand_ins())).fallbacks == ()
    alone = Watched("ro_1", "canary-0", CANDIDATE)
    assert (await stood_in(exchange(watched=alone), stand_ins())).fallbacks == ()
    assert (await stood_in(exchange(watched=None), stand_ins())).fallbacks == ()


async def test_it_goes_before_those_of_the_settings_and_there_are_no_more_than_may_be() -> None:
    many = await stood_in(exchange(), stand_ins(",".join(["tiny:1"] * MAX_FALLBACKS)))
    assert [each.digest for each in many.fallbacks] == [STABLE.digest, target().digest]


async def test_requests_are_copied_in_the_shadow_and_never_to_who_answers() -> None:
    assert (await stood_in(exchange(STABLE, SHADOWED), stand_ins())).shadow == CANDIDATE
    assert (await stood_in(exchange(CANDIDATE, SHADOWED), stand_ins())).shadow is None
    assert (await stood_in(exchange(STABLE), stand_ins())).shadow is None
    from_settings = await stood_in(exchange(STABLE), stand_ins(shadow=100))
    assert from_settings.shadow is not None
    assert from_settings.shadow.digest == target().digest


async def test_a_draw_says_which_rollout_it_was_part_of() -> None:
    catalog = FakeCatalog(Resolution("tiny", "production", (target(),), WATCHED))
    asked = Exchange("id", identity=Principal.service("gateway"), spec=GenerationSpec(prompt="x"))
    await DrawVersion(Resolver(catalog), Random(1)).before(asked)
    assert asked.watched == WATCHED
    adapted = Exchange(
        "id",
        identity=Principal.service("gateway"),
        spec=GenerationSpec(prompt="x", model="tiny", adapter="poet"),
    )
    await DrawVersion(Resolver(catalog), Random(1)).before(adapted)
    assert adapted.watched is None, "what comes is the adapter's doing as well"


async def test_a_resolution_is_fresh_for_a_second_at_most() -> None:
    now, catalog = [0.0], FakeCatalog(Resolution("tiny", "production", (STABLE,), WATCHED))
    resolver, caller = Resolver(catalog, 60.0, lambda: now[0]), exchange().caller
    await resolver.resolve(caller, "tiny", "")
    now[0] = 0.9
    await resolver.resolve(caller, "tiny", "")
    assert len(catalog.calls) == 1
    now[0] = 1.1
    catalog.resolution = Resolution("tiny", "production", (STABLE,))
    await resolver.resolve(caller, "tiny", "")
    now[0] = 50.0
    await resolver.resolve(caller, "tiny", "")
    assert len(catalog.calls) == 2


@pytest.mark.parametrize(("after", "gone"), [(CANDIDATE, STABLE), (STABLE, CANDIDATE)], ids=["in", "back"])
async def test_answers_of_a_version_that_lost_its_place_are_forgotten(after: Target, gone: Target) -> None:
    catalog = FakeCatalog(Resolution("tiny", "production", (STABLE, CANDIDATE), WATCHED))
    kept = FakeCaches({(gone.digest, "local"): 3, (after.digest, "local"): 2})
    caches = Caches(kept, catalog, FakeAudit())
    resolver = Resolver(catalog, left=caches.left)
    await resolver.resolve(exchange().caller, "tiny", "")
    catalog.resolution = Resolution("tiny", "production", (after,))
    await resolver.resolve(exchange().caller, "tiny", "")
    await caches.forget_former()
    assert kept.kept == {(after.digest, "local"): 2}
    kept.error = Unavailable("away")
    await caches.forget_former()  # nothing is left to forget


# What is counted


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Case:
    """How a request went, and what is to be counted of it."""

    first: float = 0.1
    tokens: int = 3
    decode: float = 0.5
    fell_back: bool = False
    full: bool = False
    """That is why it fell back."""
    cached: bool = False
    error: ColonnadeError | None = None
    broke_off: bool = False
    """After its first token."""
    reason: str = "stop"
    whole: bool = False
    leaves: bool = False

    @property
    def outcome(self) -> Outcome | None:
        if self.cached:
            return None
        failing = isinstance(self.error, Unavailable | Internal | DeadlineExceeded)
        if self.fell_back and (self.error is None or self.broke_off):
            return None if self.full else Outcome(failed=True)
        if failing and (not self.leaves or not self.broke_off):
            return Outcome(failed=True)
        if self.error is not None or self.leaves or self.reason == "cancelled":
            return None
        if self.reason == "deadline":
            return Outcome(failed=True)
        return Outcome(False, self.first, self.tokens - 1, self.decode)


async def run(case: Case, stage: WatchRollout, clock: Clock, drawn: Target) -> None:
    asked = exchange(drawn)
    asked.whole, start = case.whole, clock.now
    asked.cached = Cached("hit") if case.cached else None

    async def chunks() -> AsyncGenerator[Chunk, None]:
        if case.error is not None and not case.broke_off:
            raise case.error
        clock.now = start + case.first
        answered_by = STABLE.digest if case.fell_back else ""
        full = case.full and case.fell_back
        first = Chunk("a", (Token(1, "a"),), answered_by=answered_by, full=full)
        end = Finish(case.reason, Usage(3, case.tokens), Timings(decode=case.decode), 0)
        if case.whole and case.error is None:
            clock.now += case.decode
            yield Chunk("ab", finish=end, answered_by=answered_by, unlisted=case.tokens, full=full)
            return
        yield first
        if case.error is not None:
            raise case.error
        clock.now += case.decode
        yield Chunk("b", (), end)

    stream = stage.during(asked, chunks())
    assert isinstance(stream, AsyncGenerator)
    try:
        async for _ in stream:
            if case.leaves:
                break
    except ColonnadeError:
        assert case.error is not None
    finally:
        await stream.aclose()


CASES = st.builds(
    Case,
    first=st.floats(0, 200),
    tokens=st.integers(1, 50),
    decode=st.floats(0, 10),
    fell_back=st.booleans(),
    full=st.booleans(),
    cached=st.booleans(),
    error=st.one_of(
        st.none(),
        st.sampled_from(
            [Unavailable("x"), Internal("x"), DeadlineExceeded("x"), Overloaded("x"), InvalidArgument("x")]
        ),
    ),
    broke_off=st.booleans(),
    reason=st.sampled_from(["stop", "length", "deadline", "cancelled"]),
)


def summed(outcomes: Sequence[Outcome]) -> tuple[int, int, int, list[int]]:
    went_well = [each for each in outcomes if not each.failed]
    classes = [0] * CLASSES
    for each in went_well:
        assert each.first_token is not None
        classes[class_of(each.first_token)] += 1
    return len(outcomes), len(outcomes) - len(went_well), sum(each.tokens for each in went_well), classes


@given(st.lists(st.tuples(CASES, st.booleans()), max_size=30))
def test_the_counts_are_those_of_a_list_of_outcomes(asked: list[tuple[Case, bool]]) -> None:
    sightings, clock = Sightings(FakeRollouts()), Clock()

    async def all_of_them() -> None:
        stage = WatchRollout(sightings, clock)
        for case, candidate in asked:
            clock.now = 0.0  # so that a sum of floats is the same again
            await run(case, stage, clock, CANDIDATE if candidate else STABLE)

    asyncio.run(all_of_them())
    seen = sightings.news[0] if sightings.news else None
    for candidate in (True, False):
        expected = [case.outcome for case, which in asked if which is candidate]
        counted = [outcome for outcome in expected if outcome is not None]
        found = (seen.candidate if candidate else seen.stable) if seen else Outcomes()
        assert (found.requests, found.failures, found.tokens, list(found.first_tokens)) == summed(counted)
        decode = math.fsum(each.decode_seconds for each in counted)
        assert found.decode_seconds == pytest.approx(decode)


@pytest.mark.parametrize(
    ("case", "requests", "failures"),
    [
        (Case(), 1, 0),
        (Case(whole=True), 1, 0),
        (Case(fell_back=True), 1, 1),
        (Case(fell_back=True, whole=True), 1, 1),
        (Case(fell_back=True, leaves=True), 1, 1),
        (Case(fell_back=True, full=True), 0, 0),
        (Case(cached=True), 0, 0),
        (Case(leaves=True), 0, 0),
        (Case(error=Unavailable("x")), 1, 1),
        (Case(error=Unavailable("x"), broke_off=True), 1, 1),
        (Case(error=InvalidArgument("x")), 0, 0),
        (Case(error=Overloaded("x")), 0, 0),
        (Case(reason="deadline"), 1, 1),
    ],
    ids=[
        "well", "whole", "fell-back", "fell-back-whole", "fell-back-left", "fell-back-full", "cached",
        "left", "failed", "broke-off", "refused", "full", "late",
    ],
)  # fmt: skip
async def test_single_requests(case: Case, requests: int, failures: int) -> None:
    sightings, clock = Sightings(FakeRollouts()), Clock()
    await run(case, WatchRollout(sightings, clock), clock, CANDIDATE)
    found = sightings.news[0].candidate if sightings.news else Outcomes()
    assert (found.requests, found.failures) == (requests, failures)
    if requests and not failures:
        assert found.first_tokens[class_of(0.1)] == 1
        assert (found.tokens, found.decode_seconds) == (2, 0.5)


async def test_a_request_is_counted_on_its_way_through_the_gateway(house: House) -> None:
    house.catalog.resolution = Resolution("tiny", "production", (target(),), WATCHED)
    async with house.client() as client:
        assert (await client.post("/generate", json={"prompt": "x"})).status_code == 200
        assert (await client.post("/embed", json={"input": "x"})).status_code == 200
        assert (await client.post("/score", json={"text": "x"})).status_code == 200
        house.generator.error = Unavailable("away")
        assert (await client.post("/generate", json={"prompt": "x"})).status_code == 503
        assert (await client.post("/generate", json={"prompt": ""})).status_code == 400
    [seen] = house.sightings.news
    assert (seen.stable.requests, seen.stable.failures, sum(seen.stable.first_tokens)) == (4, 1, 1)
    assert seen.candidate == Outcomes()


async def test_an_answer_without_tokens_has_no_first_one() -> None:
    sightings = Sightings(FakeRollouts())

    async def chunks() -> AsyncGenerator[Chunk, None]:
        yield Chunk("", finish=finish("stop", completion=0))

    stream = WatchRollout(sightings).during(exchange(), chunks())
    assert [chunk.text async for chunk in stream] == [""]
    assert sightings.news[0].candidate == Outcomes(requests=1, decode_seconds=0.3)


# What is told


async def test_only_news_are_told_and_told_again_where_the_registry_was_away() -> None:
    book = FakeRollouts()
    sightings = Sightings(book)
    await sightings.report()
    assert not book.reports
    sightings.add(WATCHED, Outcome(first_token=0.1), candidate=True)
    book.error = Unavailable("away")
    with pytest.raises(Unavailable):
        await sightings.report()
    book.error = None
    sightings.add(WATCHED, Outcome(failed=True), candidate=False)
    await sightings.report()
    await sightings.report()
    [(instance, (seen,))] = book.reports
    assert instance
    assert (seen.rollout, seen.phase) == ("ro_1", "canary-0")
    assert (seen.candidate.requests, seen.stable.failures) == (1, 1)
    sightings.add(WATCHED, Outcome(failed=True), candidate=True)
    await sightings.report()
    assert book.reports[1][1][0].candidate.requests == 2, "it is cumulative"
    assert book.reports[1][0] == instance


async def test_what_is_counted_while_a_report_is_on_its_way_is_told_with_the_next() -> None:
    class Slow(FakeRollouts):
        async def report(self, instance: str, seen: object) -> None:
            if not self.reports:
                sightings.add(WATCHED, Outcome(failed=True), candidate=True)
            await super().report(instance, seen)  # type: ignore[arg-type]

    book = Slow()
    sightings = Sightings(book)
    sightings.add(WATCHED, Outcome(failed=True), candidate=True)
    await sightings.report()
    await sightings.report()
    assert [report[0].candidate.requests for _, report in book.reports] == [1, 2]


async def test_phases_are_few() -> None:
    book = FakeRollouts()
    sightings = Sightings(book)
    for number in range(MOST_PHASES + 10):
        sightings.add(Watched("ro_1", f"canary-{number}", CANDIDATE), Outcome(), candidate=True)
    await sightings.report()
    [(_, seen)] = book.reports
    assert len(seen) == MOST_PHASES
    assert "canary-0" not in {each.phase for each in seen}
