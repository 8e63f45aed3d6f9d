"""What is recommended fits, keeps the batch, and says why; what fits nowhere is refused."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.learn.memory import Setup, estimate_memory
from colonnade.learn.mesh.settings import Layout
from colonnade.learn.optimisers import OptimiserSettings
from colonnade.learn.plan.collectives import Link
from colonnade.learn.plan.memory import estimate_on
from colonnade.learn.plan.recommend import RESERVE, recommend_parallelism
from colonnade.learn.plan.traffic import sent_by
from colonnade.models.families.transformer.presets import base, debug, large, tiny, xlarge

ADAMW = OptimiserSettings(name="adamw", learning_rate=1e-3)


def setup(**fields: Any) -> Setup:
    said: dict[str, Any] = {"optimiser": ADAMW, "rows": 8, "tokens": 1024}
    return Setup(**(said | fields))


def test_what_fits_a_device_is_copied() -> None:
    found = recommend_parallelism(base(), setup(), 8, 80 * 10**9)
    assert found.choice.layout == Layout(8, 1, 1)
    assert any("sends least" in reason for reason in found.reasons)
    assert (found.rows, found.accumulate, found.choice.setup.rows) == (8, 1, 1)


def test_what_does_not_is_sharded_or_split() -> None:
    memory = 12 * 10**9  # weights, gradients and AdamW's state of xlarge alone are 24
    found = recommend_parallelism(xlarge(), setup(tokens=256), 8, memory)
    assert found.choice.layout.shards * found.choice.layout.tensor > 1
    assert found.choice.memory.total <= memory * (1 - RESERVE)
    assert not next(each for each in found.considered if each.layout == Layout(8, 1, 1)).fits


def test_fewer_rows_at_once_come_before_recomputation() -> None:
    asked = setup(rows=16, tokens=2048)
    one = estimate_memory(large(), replace(asked, rows=1, accumulate=16)).total
    found = recommend_parallelism(large(), asked, 1, int(one * 1.2))
    assert (found.rows, found.accumulate) == (1, 16)
    assert not found.choice.setup.recompute
    assert found.reasons[0].startswith("batch: 1 rows at once and 16 passes fit")
    found = recommend_parallelism(large(), asked, 1, int(one * 0.95))
    assert found.choice.setup.recompute
    assert found.reasons[0].startswith("recompute")


def test_a_link_that_is_slow_to_begin_prefers_few_exchanges() -> None:
    quick, slow = Link(1e-9, 1e9), Link(10.0, 1e12)
    chosen = [
        recommend_parallelism(tiny(), setup(rows=64), 4, 80 * 10**9, link=link).choice
        for link in (quick, slow)
    ]
    assert chosen[1].sent.exchanges == min(1, chosen[0].sent.exchanges)


@settings(max_examples=30)
@given(
    st.sampled_from([debug(), tiny(), base()]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([1, 2, 4, 6, 8]),
    st.integers(10**7, 10**11),
)
def test_what_is_recommended_fits_and_learns_from_the_same_rows(
    config: Any, rows: int, accumulate: int, devices: int, memory: int
) -> None:
    asked = setup(rows=rows, accumulate=accumulate, tokens=64)
    try:
        found = recommend_parallelism(config, asked, devices, memory)
    except InvalidArgument as refused:
        found, words = None, refused.message
    if found is None:
        assert "do not divide" in words or "would hold" in words
        return
    mine, layout = found.choice.setup, found.choice.layout
    assert layout.world == devices
    assert found.rows * found.accumulate == rows * accumulate
    assert mine.rows * mine.accumulate * layout.parts >= rows * accumulate
    assert mine.rows <= rows
    assert found.choice.memory == estimate_on(config, mine, layout)
    assert found.choice.memory.total <= memory * (1 - RESERVE)


@pytest.mark.parametrize(
    ("devices", "memory", "words"), [(8, 10**9, "take more devices"), (7, 10**12, "7 do not divide")]
)
def test_what_fits_nowhere_is_refused(devices: int, memory: int, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        recommend_parallelism(xlarge(), setup(), devices, memory)


def test_an_optimiser_of_whole_matrices_is_only_copied() -> None:
    adafactor = OptimiserSettings(name="adafactor", learning_rate=1e-3)
    found = recommend_parallelism(base(), setup(optimiser=adafactor), 4, 80 * 10**9)
    assert [each.layout for each in found.considered] == [Layout(4, 1, 1)]
    assert "adafactor needs whole matrices" in found.undivided.values()


def test_tensor_stays_within_a_machine() -> None:
    found = recommend_parallelism(xlarge(), setup(rows=16), 16, 80 * 10**9, machine=4)
    assert max(each.layout.tensor for each in found.considered) == 4


def test_bytes_that_are_sent() -> None:
    config = base()
    parameters = estimate_memory(config, setup()).weights // 4
    assert sent_by(config, setup(), Layout()).bytes == 0
    assert sent_by(config, setup(), Layout(2, 1, 1)).bytes == 4 * parameters
    sharded = sent_by(config, setup(accumulate=3), Layout(1, 2, 1))
    assert sharded.exchanges == 3 * (3 * config.layers + 2)
    table = config.vocab_size * config.width
    assert sharded.bytes == 3 * (4 * (2 * parameters - table) + 4 * parameters) / 2
    split = sent_by(config, setup(recompute=True), Layout(1, 1, 2))
    assert split.bytes == 6 * config.layers * 8 * 1024 * config.width * 4
