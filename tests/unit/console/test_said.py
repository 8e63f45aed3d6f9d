"""Tags, metrics and signatures, alone and side by side."""

from hypothesis import given
from hypothesis import strategies as st

from colonnade.client import Metric
from colonnade.console.views import said
from colonnade.console.views.versions import Compared

ONE = (Metric("loss", 3.0, 1), Metric("loss", 2.0, 9), Metric("acc", 0.5, dataset="sha256:" + "a" * 64))
OTHER = (Metric("loss", 1.5, 5), Metric("new", 7))


def test_each_key_has_the_value_of_its_last_step() -> None:
    assert said.last_values(ONE) == {"acc on aaaaaaaaaaaa": 0.5, "loss": 2.0}
    assert said.metric_rows(ONE)[2] == ("acc", "0.5", "0", "aaaaaaaaaaaa")


def test_metrics_side_by_side() -> None:
    rows = said.compare_metrics(ONE, OTHER)
    assert [(row.fact, row.one, row.other) for row in rows] == [
        ("acc on aaaaaaaaaaaa", "0.5", said.NOTHING),
        ("loss", "2", "1.5"),
        ("new", said.NOTHING, "7"),
    ]
    assert [said.change_of(row) for row in rows] == ["", "-25 %", ""]
    assert said.change_of(Compared("same", "2", "2")) == ""
    assert said.change_of(Compared("from nothing", "0", "2")) == ""


def test_tags_side_by_side() -> None:
    rows = said.compare_tags({"a": "1", "b": "2"}, {"b": "2", "c": "3"})
    assert [(row.fact, row.differs) for row in rows] == [("a", True), ("b", False), ("c", True)]


def test_a_signature_is_a_line_for_each_part() -> None:
    signature = {
        "inputs": [{"name": "prompt", "type": "string"}],
        "outputs": [{"name": "text", "type": "string", "required": True}],
        "params": [{"name": "top_p", "dtype": "double"}, "odd"],
    }
    assert said.signature_rows(signature) == [
        ("inputs", "prompt", "string"),
        ("outputs", "text", 'string {"required": true}'),
        ("params", "top_p", "double"),
        ("params", "odd", ""),
    ]


@given(
    st.recursive(st.none() | st.text() | st.floats(), lambda c: st.lists(c) | st.dictionaries(st.text(), c))
)
def test_no_signature_breaks_a_page(value: object) -> None:
    for part in ("inputs", "other"):
        for row in said.signature_rows({part: value}):
            assert all(isinstance(each, str) for each in row)


def test_configurations_differ_by_their_leaves() -> None:
    one = b'{"layers": 2, "rope": {"theta": 1e4, "type": "yarn"}, "same": [1, 2], "none": {}}'
    other = b'{"layers": 3, "rope": {"theta": 10000.0}, "same": [1, 2], "none": {}}'
    rows = said.compare_settings(one, other)
    assert [(row.fact, row.one, row.other) for row in rows] == [
        ("layers", "2", "3"),
        ("rope.type", '"yarn"', said.NOTHING),
    ]
    for odd in (b"", b"[]", b"no", b"[" * 100_000, b" " * (said.MAX_CONFIG_BYTES + 1)):
        assert said.settings_of(odd) == {}
