"""Rollouts in words and figures, without a page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.client import (
    AliasTarget,
    Figures,
    Gate,
    GateResult,
    Plan,
    Rollout,
    RolloutEvent,
    RolloutOutcomes,
    RolloutStep,
)
from colonnade.console.views import formats, objectives, rollouts

NOW = datetime(2030, 1, 1, 12, 0, 40, tzinfo=UTC)
PLAN = Plan(
    gates=(Gate("perplexity", "1.1x"), Gate("tasks", "0.9x", texts="support", optional=True)),
    shadow=RolloutStep(10, 60),
    steps=(RolloutStep(5, 120, 20), RolloutStep(50)),
    objectives={"error_rate": "0.02", "first_token_p95": "2x", "tokens_per_second": "0.5x"},
)
CANARY = Rollout(
    "ro_1",
    "tiny",
    "production",
    2,
    "canary",
    plan=PLAN,
    stable=(AliasTarget(1, 100),),
    targets=(AliasTarget(1, 95), AliasTarget(2, 5)),
    gates=(GateResult("perplexity", "1.1x", "passed", 10.5, 10.0, "well"),),
    since=NOW - timedelta(seconds=40),
    outcomes=RolloutOutcomes(Figures(12, 1, 1 / 12, 0.25, 40.0), Figures(200, 0, 0.0, 0.1, 100.0)),
    events=(RolloutEvent(NOW, "begun", "acme/ann", "try"), RolloutEvent(NOW, "step", rollouts.ITSELF)),
)


def ended(state: str, by: str = rollouts.ITSELF, reason: str = "", *, base: Rollout = CANARY) -> Rollout:
    events = (*base.events, RolloutEvent(NOW, state, by))
    return replace(base, state=state, reason=reason, events=events)


def states(rollout: Rollout) -> list[str]:
    return [stage.state for stage in rollouts.stages(rollout)]


def test_a_plan_is_stages() -> None:
    assert rollouts.titles_of(PLAN) == [
        ("Gates", "2 gates"),
        ("Shadow, 10 %", "at least 60 s"),
        ("5 %", "at least 2 min and 20 requests"),
        ("50 %", "goes on at once"),
        ("Promoted", "all requests"),
    ]
    assert rollouts.titles_of(Plan()) == [("Promoted", "all requests")]


@pytest.mark.parametrize(
    ("rollout", "expected"),
    [
        (replace(CANARY, state="gates"), "now ahead ahead ahead ahead"),
        (replace(CANARY, state="shadow"), "done now ahead ahead ahead"),
        (CANARY, "done done now ahead ahead"),
        (replace(CANARY, step=1), "done done done now ahead"),
        (ended("promoted"), "done done done done done"),
        (ended("promoted", by="acme/ann"), "done done done skipped done"),
        (
            ended("promoted", by="acme/ann", base=replace(CANARY, events=())),
            "done done skipped skipped done",
        ),
        (ended("refused"), "failed ahead ahead ahead ahead"),
        (ended("refused", reason="failed when it was asked again"), "done failed ahead ahead ahead"),
        (ended("rolled_back"), "done done failed ahead ahead"),
        (ended("cancelled"), "failed ahead ahead ahead ahead"),
        (
            ended("cancelled", base=replace(CANARY, gates=CANARY.gates * 2)),
            "done failed ahead ahead ahead",
        ),
    ],
    ids=[
        "gates", "shadow", "canary", "second-step", "promoted", "promoted-by-hand", "promoted-from-shadow",
        "refused", "refused-in-shadow", "rolled-back", "cancelled-at-gates", "cancelled-in-shadow",
    ],
)  # fmt: skip
def test_where_it_stands(rollout: Rollout, expected: str) -> None:
    assert " ".join(states(rollout)) == expected


def test_where_it_stands_in_a_line() -> None:
    assert rollouts.state_of(CANARY) == "canary, step 1 of 2 (5 %)"
    assert (
        rollouts.state_of(replace(CANARY, state="gates", paused=True)) == "at its gates, 1 of 2 asked, paused"
    )
    assert rollouts.state_of(ended("rolled_back")) == "rolled back"
    assert (
        rollouts.progress_of(CANARY, NOW)
        == "canary, step 1 of 2 (5 %): 40 s of at least 120 s, 12 of at least 20 requests of the candidate"
    )
    assert rollouts.progress_of(replace(CANARY, state="shadow"), NOW).endswith("40 s of at least 60 s")
    assert rollouts.progress_of(ended("promoted"), NOW) == ""


def test_how_it_ended() -> None:
    assert rollouts.ending_of(CANARY) is None
    by_itself = rollouts.ending_of(ended("rolled_back", reason="error_rate is 1 after 5 requests"))
    assert by_itself is not None
    assert by_itself.title == "Rolled back by itself: tiny@production means version 1 again"
    assert (by_itself.reason, by_itself.bad) == ("error_rate is 1 after 5 requests", True)
    by_ann = rollouts.ending_of(ended("rolled_back", by="acme/ann", reason="rolled back by acme/ann: late"))
    assert by_ann is not None
    assert by_ann.title.startswith("Rolled back: ")
    several = replace(CANARY, stable=(AliasTarget(1, 60), AliasTarget(3, 40)))
    shared = rollouts.ending_of(ended("rolled_back", base=several))
    assert shared is not None
    assert "version 1 (60 %), version 3 (40 %)" in shared.title
    assert [rollouts.ending_of(ended(each)).bad for each in ("promoted", "cancelled", "refused")] == [  # type: ignore[union-attr]
        False,
        False,
        True,
    ]


def test_a_list_says_who_ended_it_without_events() -> None:
    quiet = replace(CANARY, events=(), state="rolled_back")
    assert rollouts.by_hand(replace(quiet, reason="rolled back by acme/ann: by mistake"))
    assert not rollouts.by_hand(replace(quiet, reason="error_rate is 1 after 5 requests: by far"))


def offered(rollout: Rollout, refused: str = "") -> list[str]:
    return [act.name for act in rollouts.acts_of(rollout, refused) if not act.hint]


def test_what_may_be_done() -> None:
    assert offered(CANARY) == ["pause", "promote", "roll_back"]
    assert offered(replace(CANARY, paused=True)) == ["resume", "promote", "roll_back"]
    assert offered(replace(CANARY, state="gates")) == ["pause", "roll_back"]
    assert offered(ended("promoted")) == []
    assert offered(CANARY, "your key may not") == []
    assert {act.hint for act in rollouts.acts_of(ended("promoted"))} == {"It has ended: it is promoted."}


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (0.5, "0.5 s"), (90, "90 s"), (120, "2 min"), (3 * 3600, "3 h"), (86400 * 3, "3 days")],
)
def test_how_long(seconds: float, told: str) -> None:
    assert formats.lasting(seconds) == told
    assert rollouts.age(NOW - timedelta(seconds=seconds), NOW) == f"{told} ago"
    assert rollouts.age(None) == "unknown"


def test_objectives_beside_each_other() -> None:
    rows = {row.name: row for row in objectives.objectives_of(CANARY)}
    assert (rows["Requests"].candidate, rows["Requests"].stable) == ("12", "200")
    errors = rows["Error rate"]
    assert (errors.candidate, errors.stable, errors.bound, errors.verdict) == (
        "8.33 %", "0 %", "at most 2 %", "beyond",
    )  # fmt: skip
    first = rows["First token, p95"]
    assert first.bound == "at most 2 times the stable version's: 200 ms"
    assert first.verdict == "beyond"
    speed = rows["Tokens a second"]
    assert (speed.bound, speed.verdict) == ("at least 0.5 times the stable version's: 50", "beyond")


def test_what_was_not_seen_is_said() -> None:
    unseen = objectives.objectives_of(replace(CANARY, outcomes=RolloutOutcomes()))
    assert {row.verdict for row in unseen[1:]} == {"nothing seen yet"}
    assert unseen[2].candidate == objectives.NOTHING
    assert unseen[2].bound == "at most 2 times the stable version's"


def test_the_objective_that_ended_it_is_known() -> None:
    assert objectives.broken_of(ended("rolled_back", reason="first_token_p95 is 3")) == [
        False,
        False,
        True,
        False,
    ]
    assert not any(objectives.broken_of(CANARY))
    assert not any(
        objectives.broken_of(ended("rolled_back", reason="rolled back by acme/ann: error_rate is 1"))
    )


def test_gates_with_their_figures() -> None:
    asked, waits = objectives.gate_rows(CANARY)
    assert asked == (
        "Perplexity",
        "10.5",
        "10",
        "at most 1.1 times the stable version's: 11",
        "passed",
        "well",
    )
    assert waits[0] == "Questions answered (support)"
    assert waits[3:] == (
        "at least 0.9 times the stable version's; skipped where it cannot be asked",
        "waits",
        "",
    )
    assert objectives.gate_rows(ended("refused"))[1][4] == "not asked"


def test_a_gate_that_is_asked_again_says_so() -> None:
    gate = Gate("perplexity", "20", every_seconds=120)
    assert objectives.gate_bound(gate) == "at most 20; asked again every 2 min"


@given(st.text(), st.text())
def test_no_bound_breaks_a_page(measure: str, bound: str) -> None:
    rollout = replace(CANARY, plan=replace(PLAN, objectives={measure: bound}))
    assert len(objectives.objectives_of(rollout)) == 2


@given(
    st.sampled_from(["gates", "shadow", "canary", "promoted", "refused", "rolled_back", "cancelled"]),
    st.integers(0, 5),
    st.booleans(),
)
def test_every_rollout_has_its_stages(state: str, step: int, paused: bool) -> None:
    rollout = replace(CANARY, state=state, step=step, paused=paused)
    assert len(rollouts.stages(rollout)) == 5
    assert rollouts.state_of(rollout)
    rollouts.progress_of(rollout)
    rollouts.ending_of(rollout)
