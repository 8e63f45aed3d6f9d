"""Who is left out, and for how long, on a clock that is moved by hand."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.inference.domain import EngineView, Loaded, Stats
from colonnade.inference.domain.gates import Gate, State
from colonnade.inference.domain.health import Health, HealthLimits, Trial
from colonnade.inference.domain.retries import RetryBudget, RetryLimits
from colonnade.inference.domain.windows import BUCKETS, Window
from tests.unit.inference.clock import Clock

M, N = "sha256:m", "sha256:n"
LIMITS = HealthLimits(breaker_failures=3, breaker_seconds=2, eject_failures=5, eject_seconds=4)


def views(count: int, instance: str = "i") -> list[EngineView]:
    stats = Stats(instance, {digest: Loaded(digest) for digest in (M, N)})
    return [EngineView(f"e:{number}", stats) for number in range(count)]


def fail(health: Health, view: EngineView, digest: str = M, times: int = 1) -> None:
    for _ in range(times):
        health.begin(view.run, digest).ended(False)


def addresses(engines: list[EngineView]) -> list[str]:
    return [engine.address for engine in engines]


def test_a_version_that_fails_is_sent_elsewhere_then_one_request_decides() -> None:
    clock, engines = Clock(), views(2)
    health = Health(LIMITS, clock)
    fail(health, engines[0], times=2)
    assert health.fit(engines, M) == engines
    fail(health, engines[0])
    assert health.fit(engines, M) == engines[1:]
    assert health.fit(engines, N) == engines  # the other version is well there
    assert [each.state for each in health.breakers(engines[0].run)] == [State.OPEN]
    clock.now += 2
    assert health.fit(engines, M) == engines
    probe = health.begin(engines[0].run, M)
    assert health.fit(engines, M) == engines[1:]  # one at a time
    assert [each.state for each in health.breakers(engines[0].run)] == [State.HALF_OPEN]
    probe.ended(None)
    assert health.fit(engines, M) == engines  # it decided nothing
    health.begin(engines[0].run, M).ended(False)
    clock.now += 3.9
    assert health.fit(engines, M) == engines[1:]  # twice as long
    clock.now += 0.1
    health.begin(engines[0].run, M).ended(True)
    assert health.fit(engines, M) == engines
    assert health.breakers(engines[0].run) == []


def test_a_success_between_failures_keeps_a_breaker_closed() -> None:
    clock, engines = Clock(), views(1)
    health = Health(LIMITS, clock)
    for _ in range(5):
        fail(health, engines[0], times=2)
        health.begin(engines[0].run, M).ended(True)
    assert health.fit(engines, M) == engines


def test_another_process_begins_with_closed_breakers() -> None:
    clock = Clock()
    health = Health(LIMITS, clock)
    [old], [new] = views(1), views(1, "another")
    late = health.begin(old.run, M)
    fail(health, old, times=3)
    assert health.fit([old], M) == []
    assert health.fit([new], M) == [new]
    health.begin(new.run, M)
    late.ended(False)  # of the former one
    assert health.fit([new], M) == [new]


def test_an_engine_that_always_fails_is_left_out_for_longer_each_time() -> None:
    clock, engines = Clock(), views(3)
    health = Health(LIMITS, clock)
    for number in range(5):
        fail(health, engines[0], f"sha256:{number}")  # no version fails often enough for its breaker
    assert addresses(health.fit(engines, M)) == ["e:1", "e:2"]
    assert health.ejected(engines) == {"e:0": 4}
    clock.now += 4
    probe = health.begin(engines[0].run, M)
    assert addresses(health.fit(engines, M)) == ["e:1", "e:2"]
    probe.ended(False)
    assert health.ejected(engines) == {"e:0": 8}
    clock.now += 8
    health.begin(engines[0].run, M).ended(True)
    assert health.ejected(engines) == {}


def test_many_failures_among_successes_leave_an_engine_out_too() -> None:
    clock, engines = Clock(), views(2)
    health = Health(LIMITS, clock)
    for number in range(30):
        health.begin(engines[0].run, f"sha256:{number}").ended(number % 3 == 0)
        if health.ejected(engines):
            break
    assert number + 1 == LIMITS.window_least


def test_what_was_long_ago_is_forgotten() -> None:
    gate = Gate(1, 10)
    for expected in (1, 2, 4):
        gate.open(100)
        assert gate.left(100) == expected
    gate.close(100)
    gate.open(111)
    assert gate.left(111) == 1


def test_one_engine_is_never_left_out() -> None:
    clock, engines = Clock(), views(1)
    health = Health(LIMITS, clock)
    for number in range(50):
        fail(health, engines[0], f"sha256:{number}")
    assert health.ejected(engines) == {}
    assert health.fit(engines, M) == engines


events = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 4), st.sampled_from([M, N])),
        st.tuples(st.sampled_from(["well", "failed", "left"]), st.integers(0, 30), st.just("")),
        st.tuples(st.just("pass"), st.integers(0, 12), st.just("")),
        st.tuples(st.just("restart"), st.integers(0, 4), st.just("")),
    ),
    max_size=80,
)


@settings(deadline=None)
@given(count=st.integers(1, 5), share=st.sampled_from([0.0, 0.3, 0.5, 0.9]), events=events)
def test_no_more_than_the_share_is_left_out_and_no_door_stays_shut(
    count: int, share: float, events: list[tuple[str, int, str]]
) -> None:
    clock, engines = Clock(), views(count)
    limits = HealthLimits(2, 2, 2, 0.5, 3, share, 10, 4, 20)
    health = Health(limits, clock)
    open_: list[Trial] = []
    for what, number, digest in events:
        if what == "begin":
            open_.append(health.begin(engines[number % count].run, digest))
        elif what == "pass":
            clock.now += number
        elif what == "restart":
            address = engines[number % count].address
            engines[number % count] = EngineView(address, Stats(f"i{len(open_)}{clock.now}"))
        elif open_:
            open_.pop(number % len(open_)).ended({"well": True, "failed": False, "left": None}[what])
        out = health.ejected(engines)
        assert len(out) <= math.floor(share * count) < count
        assert all(0 <= seconds <= limits.longest_seconds for seconds in out.values())
        assert set(addresses(health.fit(engines, M))) <= set(addresses(engines)) - set(out)
    for trial in open_:
        trial.ended(None)
    clock.now += limits.longest_seconds
    assert health.fit(engines, M) == engines
    assert health.fit(engines, N) == engines
    for engine in engines:
        for digest in (M, N):
            health.begin(engine.run, digest).ended(True)
        assert health.breakers(engine.run) == []
    assert health.ejected(engines) == {}


@settings(deadline=None)
@given(
    share=st.floats(0, 1),
    least=st.integers(0, 5),
    steps=st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=80),
)
def test_retries_are_few_of_all_in_every_window(
    share: float, least: int, steps: list[tuple[bool, float]]
) -> None:
    clock = Clock()
    budget = RetryBudget(RetryLimits(share, least, 10), clock)
    requests: list[float] = []
    retries: list[float] = []
    for is_request, pause in steps:
        clock.now += pause
        if is_request:
            budget.asked()
            requests.append(clock.now)
        elif budget.spend():
            retries.append(clock.now)
            # A window of the length and, as it moves in steps of a tenth, up to a tenth more of requests.
            recent = sum(at > clock.now - 10 for at in requests)
            spent = sum(at > clock.now - 10 * (BUCKETS - 1) / BUCKETS for at in retries)
            assert spent <= least + share * recent + 1


def test_a_spent_budget_comes_back_with_time() -> None:
    clock = Clock()
    budget = RetryBudget(RetryLimits(0.5, 1, 10), clock)
    assert [budget.spend() for _ in range(3)] == [True, False, False]
    for _ in range(4):
        budget.asked()
    assert [budget.spend() for _ in range(4)] == [True, True, False, False]
    clock.now += 11
    assert budget.spend()


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 1)), max_size=50))
def test_a_window_holds_what_is_recent_and_nothing_old(steps: list[tuple[float, int]]) -> None:
    window, now, added = Window(10), 0.0, []
    for pause, kind in steps:
        now += pause
        window.add(now, kind)
        added.append((now, kind))
        for which, total in enumerate(window.totals(now)):
            times = [at for at, kind in added if kind == which]
            assert sum(at > now - 9 for at in times) <= total <= sum(at > now - 10 - 1e-9 for at in times)


def test_gates_open_for_twice_as_long_up_to_a_limit() -> None:
    gate = Gate(1, 30)
    lengths = [gate.seconds(number) for number in range(1, 100)]
    assert lengths[:5] == [1, 2, 4, 8, 16]
    assert all(a <= b for a, b in pairwise(lengths))
    assert lengths[-1] == pytest.approx(30)
