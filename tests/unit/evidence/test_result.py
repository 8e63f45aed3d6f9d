"""The schema of results, and that every committed result has it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from evidence.performance.cases import CASES, ON_A_GPU
from evidence.performance.result import RESULTS, Figure, claim, read, read_all
from evidence.performance.statistics import Spread
from tests.unit.evidence.made import line, result

COMMITTED = sorted(RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: str(path.stem))
def test_a_committed_result_has_the_schema_and_its_cases_name(path: Path) -> None:
    assert read(path).case == path.stem
    assert path.stem in (*CASES, *ON_A_GPU)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = result("prefill", line(1.2, at_least=1.0))
    path = made.write(tmp_path)
    assert path.name == "prefill.json"
    assert read_all(tmp_path) == [made]


@pytest.mark.parametrize(
    ("measured", "at_least", "at_most", "holds"),
    [(1.0, 1.0, None, True), (0.99, 1.0, None, False), (0.04, None, 0.04, True), (0.05, None, 0.04, False)],
)
def test_a_claim_is_judged_by_its_median(
    measured: float, at_least: float | None, at_most: float | None, holds: bool
) -> None:
    spread = Spread(measured, 0.0, 9.0)
    assert claim("so", "a", "b", spread, at_least=at_least, at_most=at_most).holds is holds


def test_a_claim_that_says_it_holds_when_it_does_not_is_refused() -> None:
    fallen = line(0.5, at_least=1.0).model_dump()
    with pytest.raises(ValidationError, match="holds is what the median says"):
        type(line(1.0, 1.0)).model_validate(fallen | {"holds": True})


def test_a_claim_has_one_line() -> None:
    with pytest.raises(ValidationError, match="one line a claim"):
        claim("so", "a", "b", Spread(1.0, 1.0, 1.0))


def test_a_result_holds_only_if_all_its_claims_do() -> None:
    assert not result("prefill", line(2.0, 1.0), line(0.5, 1.0)).holds
    with pytest.raises(ValidationError, match="all its claims"):
        result("prefill", line(0.5, 1.0), holds=True)


def test_an_engine_has_a_value_or_the_reason_why_not() -> None:
    whose = {"engine": "e", "product": "p", "precision": "int4", "unit": "tokens/s"}
    assert Figure.model_validate(whose | {"not_run": "no such instruction"}).value is None
    with pytest.raises(ValidationError, match="either a value or why"):
        Figure.model_validate(whose)


@pytest.mark.parametrize("field", ["commit", "machine", "budget", "limits", "holds"])
def test_no_field_may_be_left_out(field: str, tmp_path: Path) -> None:
    whole = result().model_dump()
    del whole[field]
    with pytest.raises(ValidationError, match=field):
        type(result()).model_validate(whole)


def test_no_field_may_be_added() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        result(mood="good")
