import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.learn.checkpoints.snapshot import Snapshot, plain

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
_KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=5))
def test_plain_facts_are_a_copy_and_the_same(facts: dict[str, Any]) -> None:
    copied = plain(facts)
    assert copied == facts
    assert copied is not facts


def test_negative_zero_and_the_smallest_float_keep_their_bits() -> None:
    read = plain({"a": -0.0, "b": 5e-324, "c": 1e308, "d": 0.1 + 0.2})
    assert math.copysign(1, read["a"]) == -1
    assert (read["b"], read["c"], read["d"]) == (5e-324, 1e308, 0.30000000000000004)


def test_a_copy_does_not_follow_the_original() -> None:
    facts: dict[str, Any] = {"metrics": {"train": [1.0]}}
    copied = plain(facts)
    facts["metrics"]["train"].append(2.0)
    assert copied == {"metrics": {"train": [1.0]}}


def test_tuples_become_lists() -> None:
    assert plain({"betas": (0.9, 0.95)}) == {"betas": [0.9, 0.95]}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"metrics": {"loss": math.nan}}, "metrics.loss in facts has NaN"),
        ({"metrics": {"best": math.inf}}, "Infinity"),
        ({"seed": 2**64}, "seed in facts has an integer beyond 64 bits"),
        ({"norm": torch.ones(())}, "Tensor"),
        ({"norm": np.float32(1)}, "float32"),
        ({"by_step": {1: 2.0}}, "facts.by_step has the key 1; keys must be texts"),
        ({"list": [{"x": {None: 1}}]}, "facts.list[0].x has the key None"),
        ({"name": "\ud800"}, "lone surrogate"),
    ],
)
def test_what_json_does_not_hold_is_refused_by_its_name(facts: dict[Any, Any], told: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        plain(facts)
    assert told in refused.value.message


def test_what_holds_itself_is_refused() -> None:
    facts: dict[str, Any] = {}
    facts["self"] = [1]
    facts["self"].append({"a": object()})
    with pytest.raises(InvalidArgument, match="object"):
        plain(facts)


def test_a_group_is_what_is_under_its_name() -> None:
    one, two = torch.ones(1), torch.zeros(1)
    shot = Snapshot(0, 0.0, {"model/a.b": one, "model/c/d": two, "modelled/a": two, "average/a.b": two})
    assert shot.group("model") == {"a.b": one, "c/d": two}
    assert shot.group("optimiser") == {}
