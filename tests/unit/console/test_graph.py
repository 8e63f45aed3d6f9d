"""Where the boxes of a graph go."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from colonnade.console.views.graph import BOX_HEIGHT, BOX_WIDTH, Layout, layout

_NODES = st.lists(st.sampled_from("abcdefgh"), unique=True)
_EDGES = st.lists(st.tuples(st.sampled_from("abcdefghx"), st.just("from"), st.sampled_from("abcdefghx")))


def rows(found: Layout) -> dict[int, list[str]]:
    kept: dict[int, list[str]] = {}
    for box in found.boxes:
        kept.setdefault(box.y, []).append(box.node)
    return kept


def test_what_came_from_something_stands_below_it() -> None:
    edges = [("v2", "derived_from", "v1"), ("v1", "trained_on", "data"), ("v2", "trained_on", "data")]
    found = layout(["v2", "v1", "data"], edges)
    assert list(rows(found).values()) == [["data"], ["v1"], ["v2"]]
    assert [line.label for line in found.lines] == ["derived_from", "trained_on", "trained_on"]
    assert found.width == BOX_WIDTH + 16


def test_a_line_passes_no_row_by_where_it_need_not() -> None:
    edges = [("c", "", "b"), ("b", "", "a"), ("c", "", "late")]
    assert list(rows(layout(["a", "b", "c", "late"], edges)).values()) == [["a"], ["b", "late"], ["c"]]


def test_siblings_stand_where_few_lines_cross() -> None:
    edges = [("c", "", "b"), ("d", "", "a")]
    upper, lower = rows(layout(["a", "b", "c", "d"], edges)).values()
    assert [upper.index("b") < upper.index("a")] == [lower.index("c") < lower.index("d")]


def test_nothing_is_no_picture() -> None:
    assert layout([], []) == Layout((), (), 0, 0)


@given(_NODES, _EDGES)
def test_each_has_a_place_of_its_own_inside(nodes: list[str], edges: list[tuple[str, str, str]]) -> None:
    """Cycles and strangers among the edges or not."""
    found = layout(nodes, edges)
    assert {box.node for box in found.boxes} == set(nodes)
    for box in found.boxes:
        assert 0 <= box.x <= found.width - BOX_WIDTH
        assert 0 <= box.y <= found.height - BOX_HEIGHT
    for one, other in combinations(found.boxes, 2):
        assert abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT
    assert len(found.lines) == len([e for e in edges if {e[0], e[2]} <= set(nodes) and e[0] != e[2]])
