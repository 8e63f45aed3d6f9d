"""Which engine takes a request."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, NotFound, Unavailable
from colonnade.inference.domain import (
    AFFINITY_SLACK_TOKENS,
    EngineView,
    Loaded,
    Stats,
    Work,
    choose,
    engine_is_gone,
    version_is_gone,
)

WANTED = "sha256:w"
OTHER = "sha256:o"


def view(
    address: str, *, has: tuple[str, ...] = (), tokens: int = 0, free: int = 0, loading: tuple[str, ...] = ()
) -> EngineView:
    stats = Stats("i", {digest: Loaded(digest) for digest in has}, free)
    return EngineView(address, stats, tokens, frozenset(loading))


digests = st.frozensets(st.sampled_from([WANTED, OTHER]))
stats = st.builds(
    Stats,
    instance=st.sampled_from(["i", "j"]),
    loaded=digests.map(lambda names: {name: Loaded(name) for name in names}),
    free_bytes=st.integers(0, 100),
    draining=st.booleans(),
)
fleets = st.lists(
    st.builds(
        EngineView,
        address=st.sampled_from("abcdef"),
        stats=st.none() | stats,
        outstanding_tokens=st.integers(0, 5000),
        loading=digests,
    ),
    unique_by=lambda engine: engine.address,
    max_size=6,
)


@settings(deadline=None)  # a busy machine is no failure
@given(
    fleet=fleets,
    session=st.sampled_from(["", "s1", "s2"]),
    tried=st.sets(st.sampled_from([("a", "i"), ("b", "i")])),
)
def test_the_choice_is_ready_untried_and_as_near_as_any(
    fleet: list[EngineView], session: str, tried: set[tuple[str, str]]
) -> None:
    chosen = choose(fleet, Work(WANTED, session=session), tried)
    left = [engine for engine in fleet if engine.ready and engine.run not in tried]
    if chosen is None:
        assert left == []
        return
    assert chosen in left
    having = [engine for engine in left if engine.has(WANTED)]
    loading = [engine for engine in left if WANTED in engine.loading]
    if having:
        assert chosen in having
    elif loading:
        assert chosen in loading
    else:
        assert chosen.free_bytes == max(engine.free_bytes for engine in left)
    if having or loading:
        idlest = min(engine.outstanding_tokens for engine in having or loading)
        slack = AFFINITY_SLACK_TOKENS if session else 0
        assert chosen.outstanding_tokens <= idlest + slack


@settings(deadline=None)  # a busy machine is no failure
@given(fleet=fleets, session=st.text(max_size=5))
def test_the_choice_does_not_depend_on_the_order(fleet: list[EngineView], session: str) -> None:
    asked = Work(WANTED, session=session)
    busy = [
        EngineView(engine.address, engine.stats, number, engine.loading)
        for number, engine in enumerate(fleet)
    ]
    assert choose(busy, asked) == choose(reversed(busy), asked)


def test_a_session_stays_with_its_engine_until_that_is_much_busier() -> None:
    idle = [view(name, has=(WANTED,)) for name in "abcd"]
    home = choose(idle, Work(WANTED, session="s"))
    assert home is not None
    busier = [engine for engine in idle if engine != home] + [
        view(home.address, has=(WANTED,), tokens=AFFINITY_SLACK_TOKENS)
    ]
    kept = choose(busier, Work(WANTED, session="s"))
    assert kept is not None
    assert kept.address == home.address
    swamped = [*busier[:-1], view(home.address, has=(WANTED,), tokens=AFFINITY_SLACK_TOKENS + 1)]
    moved = choose(swamped, Work(WANTED, session="s"))
    assert moved is not None
    assert moved.address != home.address


def test_sessions_spread_over_the_engines() -> None:
    engines = [view(name, has=(WANTED,)) for name in "abcd"]
    chosen = [choose(engines, Work(WANTED, session=f"session {number}")) for number in range(200)]
    assert {engine.address for engine in chosen if engine} == set("abcd")


def test_a_load_under_way_draws_more_of_the_same() -> None:
    engines = [view("a", free=100), view("b", free=1, loading=(WANTED,))]
    assert choose(engines, Work(WANTED)) == engines[1]


@pytest.mark.parametrize("digest", ["", "m", "m:3", "SHA256:x"])
def test_work_names_a_version(digest: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Work(digest)
    assert refused.value.details["field"] == "model.digest"


def test_what_may_be_tried_again() -> None:
    assert engine_is_gone(Unavailable("away"))
    assert not engine_is_gone(NotFound("no"))
    assert version_is_gone(NotFound("no", field="model.digest"))
    assert not version_is_gone(NotFound("no", field="adapter"))
    assert not version_is_gone(Unavailable("away", field="model.digest"))
