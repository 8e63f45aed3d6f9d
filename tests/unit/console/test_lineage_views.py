"""What came from what, as dots and lines of tables."""

from datetime import UTC, datetime

from colonnade.client import Evaluation
from colonnade.client import LineageNode as Node
from colonnade.client import LineagePlace as Place
from colonnade.console.views import lineage, links
from colonnade.console.views.lineage import Dot

DIGEST = "sha256:" + "a" * 64


def test_each_node_is_a_dot() -> None:
    version = Node("version", DIGEST, "tiny:2", {"x": "y"}, (Place("tiny", 2, ("production",)),))
    nodes = [version, Node("dataset", DIGEST, "", {"bytes": "12"}), Node("rollout", "ro_1", "tiny to 2")]
    assert lineage.dots_of(nodes, {version.key}) == [
        Dot(version.key, "version", "tiny:2", "/models/tiny/versions/2", "tiny:2 (production); x y", True),
        Dot(f"dataset:{DIGEST}", "data set", "a" * 12, "", "bytes 12"),
        Dot("rollout:ro_1", "rollout", "tiny to 2", "/rollouts/ro_1"),
    ]


def test_a_version_that_is_gone_says_so() -> None:
    [dot] = lineage.dots_of([Node("version", DIGEST, "tiny:1")], ())
    assert (dot.label, dot.link, dot.more) == ("tiny:1", "", "deleted")


def test_no_name_leads_elsewhere() -> None:
    hostile = Node("rollout", "../../sign-out?x=//evil.example", "javascript:alert(1)")
    [dot] = lineage.dots_of([hostile], ())
    assert dot.link == "/rollouts/..%2F..%2Fsign-out%3Fx%3D%2F%2Fevil.example"
    assert links.version_link("a/../b", 1) == "/models/a%2F..%2Fb/versions/1"
    assert links.asking_link("a&b=c@d") == "/?model=a%26b%3Dc%40d"


def test_what_was_measured_is_a_line_each() -> None:
    rows = lineage.evaluation_rows(
        [
            Evaluation(
                "ev_1", "tiny", 2, "rollout:fast", {"perplexity": 12.3456789, "acc": 0.5}, outcome="passed",
                origin="ro_1", by="acme/ann", at=datetime(2030, 1, 1, tzinfo=UTC),
            ),
            Evaluation("ev_2", "tiny", 2, "x", {}),
        ]
    )  # fmt: skip
    assert rows[0] == (
        "rollout:fast", "acc 0.5, perplexity 12.3457", "passed", "ro_1", "acme/ann", "2030-01-01 00:00 UTC",
    )  # fmt: skip
    assert rows[1][1:3] == ("", "measured")
