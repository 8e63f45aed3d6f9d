"""One case from its command to its file, with the real model and without peers."""

from pathlib import Path

import pytest

from evidence.performance.__main__ import main
from evidence.performance.cases import adapters
from evidence.performance.result import read

pytestmark = pytest.mark.slow


def test_a_case_writes_a_result_that_has_the_schema(tmp_path: Path) -> None:
    assert main(["adapters", "--rounds", "1", "--threads", "1", "--results", str(tmp_path)]) == 0
    result = read(tmp_path / "adapters.json")
    assert [figure.engine for figure in result.figures] == [f"{count} adapters" for count in adapters.COUNTS]
    assert all(figure.value and figure.cpu_seconds for figure in result.figures)
    assert result.machine["threads"] == 1
    assert result.budget.rounds == 1


def test_a_case_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["no_such_case"])
    assert "no such case: no_such_case" in capsys.readouterr().err
