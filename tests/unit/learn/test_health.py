"""Verdicts on steps: what is wrong is named, what is well left in peace, and a resumed run judges alike."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.learn.clipping import Norms
from colonnade.learn.health import Health, HealthSettings
from colonnade.learn.verdicts import CONTINUE, Action, Verdict

BLOCKS = ("embedding", "blocks.0", "norm")
RECORDED = Path(__file__).parent / "healthy_run.json"


def norms(total: float = 1.0, **blocks: float) -> Norms:
    """Every block has the whole norm where nothing else is said; dots are spelt as underscores."""
    return Norms(total, {block: blocks.get(block.replace(".", "_"), total) for block in BLOCKS})


def health(**fields: Any) -> Health:
    return Health(HealthSettings.model_validate(fields))


def well(health: Health, steps: int = 50, loss: float = 4.0) -> Health:
    for step in range(steps):
        assert health.judge(step, loss - step / 1000, norms()) is CONTINUE
    return health


def recorded() -> list[tuple[float, Norms]]:
    """Four hundred steps of the debug transformer on a random chain with three followers a token: AdamW at
    0.003, warm-up of 20 and cosine, norms before clipping to 1. Loss, norm and norms by block."""
    run = json.loads(RECORDED.read_text())
    return [
        (loss, Norms(total, dict(zip(run["blocks"], blocks, strict=True))))
        for loss, total, *blocks in run["steps"]
    ]


def test_no_alarm_on_a_healthy_run() -> None:
    run = recorded()
    assert run[0][0] > run[-1][0] + 2
    judged = health()
    assert all(judged.judge(step, loss, n) is CONTINUE for step, (loss, n) in enumerate(run))


@pytest.mark.parametrize("spoilt", [30, 200, 399])
@pytest.mark.parametrize(
    ("cause", "spoil"),
    [
        ("nan", lambda loss, n: (math.nan, n)),
        ("infinite", lambda loss, n: (loss, Norms(math.inf, {**n.groups, "blocks.1": math.inf}))),
        ("explosion", lambda loss, n: (loss, Norms(n.total * 40, n.groups))),
        ("explosion", lambda loss, n: (loss * 12, n)),
    ],
)
def test_one_wild_step_of_it_is_left_out_and_the_rest_is_well(cause: str, spoil: Any, spoilt: int) -> None:
    judged = health()
    for step, (loss, n) in enumerate(recorded()):
        verdict = judged.judge(step, *(spoil(loss, n) if step == spoilt else (loss, n)))
        assert (verdict.action, verdict.cause) == (
            (Action.SKIP, cause) if step == spoilt else (Action.CONTINUE, None)
        )


@pytest.mark.parametrize(
    ("loss", "given_norms", "cause", "words"),
    [
        (math.nan, norms(), "nan", "the loss is NaN; the step is left out. Try this: look at the batch"),
        (math.inf, norms(), "infinite", "the loss is infinite; the step"),
        (1.0, norms(math.nan, embedding=1.0, norm=1.0), "nan", "the gradient of blocks.0 is NaN (and 1"),
        (1.0, norms(math.inf), "infinite", "the gradient of embedding is infinite (and 3 more)"),
        (4.0, norms(25.0, embedding=2.0, norm=1.0), "explosion", "is usual, most of it in blocks.0"),
        (40.0, norms(), "explosion", "the loss is 40 where 3.976 is usual"),
    ],
)  # fmt: skip
def test_a_bad_step_is_left_out_and_what_is_wrong_is_named(
    loss: float, given_norms: Norms, cause: str, words: str
) -> None:
    verdict = well(health()).judge(50, loss, given_norms)
    assert (verdict.action, verdict.cause) == (Action.SKIP, cause)
    assert verdict.sentence.startswith("step 50: ")
    assert words in verdict.sentence


def test_too_many_bad_steps_in_a_row_stop_the_run() -> None:
    judged = well(health(most_skips=3))
    actions = [judged.judge(step, math.nan, norms()).action for step in (50, 51, 52)]
    assert actions == [Action.SKIP] * 3
    assert judged.judge(53, 4.0, norms()) is CONTINUE  # a good one between begins the count again
    actions = [judged.judge(step, math.nan, norms()).action for step in range(54, 58)]
    assert actions == [Action.SKIP, Action.SKIP, Action.SKIP, Action.STOP]
    stopped = judged.judge(58, math.nan, norms())
    assert "after 4 steps in a row that were left out, so the run stops" in stopped.sentence


def test_nothing_is_compared_before_there_is_something_to_compare_with() -> None:
    judged = health(grace=20)
    for step in range(20):
        assert judged.judge(step, 10.0**step, norms(100.0**step)).action is Action.CONTINUE


def test_gradients_that_vanish_in_one_block_stop_the_run_in_the_end() -> None:
    judged = well(health(vanishing_steps=10))
    last = [judged.judge(50 + i, 3.9, norms(blocks_0=1e-9)) for i in range(10)]
    assert all(verdict.action is Action.CONTINUE for verdict in last[:9])
    assert (last[9].action, last[9].cause) == (Action.STOP, "vanishing")
    assert "the gradient of blocks.0 has vanished (1e-09) for 10 steps, so the run stops" in last[9].sentence


def test_gradients_that_vanish_everywhere_do_too() -> None:
    judged = health(vanishing_steps=10)
    verdicts = [judged.judge(step, 4.0 - step, norms(0.0)) for step in range(10)]
    assert verdicts[-1].cause == "vanishing"


def test_a_block_that_wakes_up_in_time_is_well() -> None:
    judged = health(vanishing_steps=10)
    for step in range(100):
        asleep = norms(blocks_0=0.0 if step % 10 else 1.0)
        assert judged.judge(step, 4.0 - step / 100, asleep) is CONTINUE


@pytest.mark.parametrize(("stop", "action"), [(False, Action.CONTINUE), (True, Action.STOP)])
def test_a_loss_that_no_longer_falls_is_told(stop: bool, action: Action) -> None:
    judged = health(window=10, stalled_steps=30, stop_when_stalled=stop)
    verdicts: list[Verdict] = [judged.judge(step, 4.0, norms()) for step in range(31)]
    assert all(verdict is CONTINUE for verdict in verdicts[:-1])
    assert (verdicts[-1].action, verdicts[-1].cause) == (action, "stalled")
    assert "has not fallen below 4 for 30 steps" in verdicts[-1].sentence


numbers = st.floats(0.001, 100) | st.sampled_from([math.nan, math.inf, 0.0])
steps = st.lists(st.tuples(numbers, numbers, numbers), max_size=40)


@given(steps)
def test_nothing_that_is_not_finite_is_ever_accepted(drawn: list[tuple[float, float, float]]) -> None:
    judged = health(window=8, grace=3)
    for step, (loss, total, block) in enumerate(drawn):
        n = norms(total, blocks_0=block)
        verdict = judged.judge(step, loss, n)
        finite = all(map(math.isfinite, (loss, n.total, *n.groups.values())))
        assert finite or verdict.action is not Action.CONTINUE
        assert (verdict.cause is None) == (verdict.sentence == "")
        assert verdict.cause is None or f"step {step}: " in verdict.sentence


@given(steps, steps)
def test_a_resumed_run_judges_the_same(
    before: list[tuple[float, float, float]], after: list[tuple[float, float, float]]
) -> None:
    judged = health(window=8, grace=3, vanishing_steps=4, stalled_steps=5, most_skips=2)
    for step, (loss, total, block) in enumerate(before):
        judged.judge(step, loss, norms(total, blocks_0=block))
    again = Health(judged.settings)
    again.restore(json.loads(json.dumps(judged.facts(), allow_nan=False)))
    for step, (loss, total, block) in enumerate(after):
        n = norms(total, blocks_0=block)
        assert again.judge(step, loss, n) == judged.judge(step, loss, n)
