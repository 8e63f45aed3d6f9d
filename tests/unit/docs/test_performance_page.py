"""``docs/performance.md`` says what the results say, the unfavourable too."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from docs.tools.charts import OURS, Bar, Line, bars, lines, short
from docs.tools.performance_page import DOCS, PICTURES, notes, render
from evidence.performance.cases import CASES, ON_A_GPU
from evidence.performance.result import read_all
from tests.unit.evidence.made import figure, line, result


def test_the_committed_page_and_pictures_are_those_of_the_results() -> None:
    written = render(read_all(), notes())
    differing = [
        path
        for path, text in written.items()
        if not (DOCS / path).exists() or (DOCS / path).read_text() != text
    ]
    assert not differing, "run: make performance-page"
    assert {f"{PICTURES}/{path.name}" for path in (DOCS / PICTURES).glob("*.svg")} <= written.keys()


def test_every_note_belongs_to_a_case() -> None:
    assert notes().keys() <= {*CASES, *ON_A_GPU}


def test_what_falls_short_is_named_and_linked() -> None:
    page = render([result("prefill", line(0.8, at_least=1.0))], {"prefill": "The products wait for memory."})[
        "performance.md"
    ]
    fallen = page.split("## What falls short")[1].split("\n## ")[0]
    assert "[Prefill](#prefill)" in fallen
    assert "0.800 where the line is at least 1.00" in fallen
    assert "| ✗ |" in page
    assert "The products wait for memory." in page


def test_where_all_holds_the_page_says_so() -> None:
    page = render([result("prefill", line(1.2, at_least=1.0))], {})["performance.md"]
    assert "Nothing, in this run." in page


def test_cases_stand_in_their_order_whatever_the_order_of_files() -> None:
    made = [result("prefill", title="Prefill"), result("batch_8", title="Eight streams")]
    page = render(made, {})["performance.md"]
    assert page.index("## Eight streams") < page.index("## Prefill")


def test_figures_of_unlike_units_stand_in_tables_of_their_own() -> None:
    speed, memory = (figure("ours", 2.0).model_dump() | {"unit": unit} for unit in ("tokens/s", "MiB"))
    page = render([result("prefill", figures=[speed, memory, speed])], {})["performance.md"]
    heads = [each for each in page.split("\n") if each.startswith("| engine |")]
    assert [each.split(" | ")[2] for each in heads] == ["tokens/s", "MiB"]


def test_a_peer_that_did_not_run_is_on_the_page_with_the_reason() -> None:
    absent = figure("theirs", 1.0).model_dump() | {"value": None, "samples": [], "not_run": "needs AVX-512"}
    page = render([result("prefill", figures=[figure("ours", 2.0).model_dump(), absent])], {})[
        "performance.md"
    ]
    assert "| theirs | int4 | not run |" in page
    assert "Not run: theirs: needs AVX-512." in page


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.0123, "0.0123"),
        (1.0, "1.00"),
        (87.64, "87.6"),
        (1234.5, "1,234"),
        (8388608.0, "8,388,608"),
    ],
)
def test_numbers_have_three_digits_and_no_powers(value: float, shown: str) -> None:
    assert short(value) == shown


def test_pictures_are_well_formed_and_draw_to_scale() -> None:
    drawn = bars(
        "A & B", "tokens/s", [Bar("<ours>", 10.0, 9.0, 11.0, OURS, 20.0), Bar("x", 5.0, 5.0, 5.0, OURS)]
    )
    ElementTree.fromstring(drawn)
    widths = [
        float(each) for each in re.findall(r'<rect x="\d+" y="\d+" width="([\d.]+)" height="18"', drawn)
    ]
    assert widths[0] == 2 * widths[1]
    ElementTree.fromstring(lines("t", "x & y", "ms", [Line("a", [(0.0, 1.0), (2.0, 0.0)])]))
