"""What the pages show, without a page."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.client import (
    Alias,
    AliasTarget,
    Artefact,
    CacheUse,
    Engine,
    EngineBreaker,
    Generation,
    ImportProgress,
    Key,
    Left,
    Limits,
    Model,
    ModelVersion,
    Remaining,
    Usage,
    UsageSum,
    Version,
)
from colonnade.console.importing import fraction_of
from colonnade.console.refusals import told
from colonnade.console.views import (
    answers,
    engines,
    formats,
    keys,
    limits,
    references,
    sampling,
    usage,
    versions,
)
from colonnade.errors import Code, ColonnadeError, InvalidArgument, PermissionDenied, error_of

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_600_000_000, "12.6 GB")]
)
def test_sizes(count: int, shown: str) -> None:
    assert formats.size(count) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(7, "7"), (28_200, "28.2k"), (134_515_008, "135M"), (7 * 10**9, "7B")]
)
def test_amounts(count: int, shown: str) -> None:
    assert formats.amount(count) == shown


def test_times_digests_and_durations() -> None:
    assert formats.moment(NOW) == "2030-01-31 12:00 UTC"
    assert formats.moment(None, "unknown") == "unknown"
    assert formats.short("sha256:0123456789abcdef") == "0123456789ab"
    assert formats.seconds(0.0123) == "12 ms"
    assert formats.seconds(2.5) == "2.50 s"
    assert formats.number(1234567) == "1\u202f234\u202f567"


def test_every_refusal_has_a_title_and_a_next_step() -> None:
    for code in Code:
        refused = told(error_of(code.value, "why", {}))
        assert refused.title
        assert refused.next_step
        assert refused.message == "why"
    assert "administrator" in told(PermissionDenied("no")).next_step
    fault: ColonnadeError = error_of("internal", "why", {"request_id": "r-1"})
    assert "r-1" in told(fault).next_step


def model(name: str = "m", latest: int = 2, family: str = "llama", aliases: tuple[Alias, ...] = ()) -> Model:
    return Model(name, latest_version=latest, family=family, aliases=aliases)


PRODUCTION = Alias("production", (AliasTarget(1, 90), AliasTarget(2, 10)), revision=7)


def test_aliases_come_before_versions_and_encoders_not_at_all() -> None:
    found = references.askable(
        [model(aliases=(PRODUCTION,)), model("poet", 1, "lora"), model("enc", 1, "bert")]
    )
    assert found.references == ("m@production", "m:2", "m:1", "poet:1")
    assert [found.is_adapter(each) for each in ("poet:1", "poet@x", "m:1")] == [True, True, False]
    assert found.first() == "m@production"
    assert found.first(but="m@production") == "m:2"
    assert references.Askable(("poet:1",)).first(but="poet:1") == "poet:1"
    assert references.Askable(()).first() == ""


def test_what_is_asked_for_can_be_asked_however_old_it_is() -> None:
    many = [model(latest=500)]
    assert len(references.askable(many).references) == 20
    assert references.askable(many, "m:3").references[:2] == ("m:3", "m:500")
    assert references.askable(many, "other:3").references[0] == "m:500"
    assert references.askable(many).whole
    cut = references.askable([model(f"m{each}", 30) for each in range(500)])
    assert (len(cut.references), cut.whole) == (1000, False)


def test_a_search_takes_every_word() -> None:
    models = [model("smollm2-135m"), model("qwen-0.5b")]
    assert [each.name for each in references.matching(models, " 135M smol ")] == ["smollm2-135m"]
    assert references.matching(models, "") == models


def test_empty_fields_are_the_platforms_defaults() -> None:
    options = sampling.Sampling(max_tokens=None).options()
    assert {name for name, value in options.items() if value is not None} == set()


def test_filled_fields_are_sent() -> None:
    form = sampling.Sampling(
        preset="precise",
        max_tokens=8.0,
        temperature=0.5,
        top_k=4.0,
        seed=7.0,
        stop="END\n\n",
        bias="0=-100, 3=2.5",
        use_cache=False,
    )
    options = form.options()
    assert (options["preset"], options["max_tokens"], options["top_k"], options["seed"]) == (
        "precise",
        8,
        4,
        7,
    )
    assert options["stop"] == ["END"]
    assert options["logit_bias"] == {0: -100.0, 3: 2.5}
    assert options["cache_control"] == "no-cache"


@given(st.dictionaries(st.integers(0, 10**6), st.floats(-100, 100), max_size=8))
def test_a_bias_reads_back(bias: dict[int, float]) -> None:
    assert sampling.bias_of(", ".join(f"{token}={value!r}" for token, value in bias.items())) == bias


@given(st.text(max_size=40))
def test_a_bias_is_read_or_refused(text: str) -> None:
    try:
        bias = sampling.bias_of(text)
    except InvalidArgument as error:
        bias, text = {}, error.message
    assert bias or "0=-100" in text or not text.replace(",", "").strip()


@pytest.mark.parametrize("field", ["max_tokens", "top_k", "seed"])
def test_half_a_token_is_refused(field: str) -> None:
    with pytest.raises(InvalidArgument, match="whole number"):
        sampling.Sampling(**{field: 1.5}).options()  # type: ignore[arg-type]


def test_a_conversation_begins_with_its_system_prompt() -> None:
    said = sampling.Sampling(system="Be kind.").messages([("q", "a")], "next")
    assert [each["role"] for each in said] == ["system", "user", "assistant", "user"]
    assert len(sampling.Sampling(system="  ").messages([], "next")) == 1
    odd = sampling.Sampling().messages([("q", "a\0b"), ("refused", ""), ("silent", "\0")], "next")
    assert [each["content"] for each in odd] == ["q", "ab", "next"]


def generation(**more: object) -> Generation:
    made = {
        "id": "g",
        "text": "t",
        "finish_reason": "length",
        "model": ModelVersion("m", 2, "ab" * 32),
        "usage": Usage(10, 21, 31, cached_prompt_tokens=4),
        "timings": {"decode": 2.0, "time_to_first_token": 0.05},
    } | more
    return Generation(**made)  # type: ignore[arg-type]


def test_below_an_answer_stands_who_gave_it_and_how() -> None:
    told_ = dict(answers.facts_of(generation(seed=3)))
    assert told_ == {
        "Answered by": "m:2",
        "Digest": "abababababab",
        "Ended": "cut at the longest answer",
        "Tokens": "10 in, 21 out",
        "First token": "50 ms",
        "Speed": "10.0 tokens/s",
        "Cache": "4 tokens of the prompt",
        "Seed": "3",
    }


def test_a_kept_answer_has_no_speed() -> None:
    told_ = dict(answers.facts_of(generation(cache=CacheUse("hit", 2.0), stop="END", finish_reason="stop")))
    assert "Speed" not in told_
    assert told_["Cache"] == "kept answer, 2.00 s old"
    assert told_["Ended"] == "complete (at 'END')"


def version(number: int, digest: str = "d", **more: object) -> Version:
    return Version("m", number, digest, "llama", artefacts=(Artefact("w.safetensors", digest),), **more)  # type: ignore[arg-type]


def test_two_versions_differ_where_they_do() -> None:
    rows = versions.compare(version(1, "x", parameters=10), version(2, "y", parameters=10))
    differing = {row.fact for row in rows if row.differs}
    assert differing == {"Digest", "w.safetensors"}


def test_a_move_tells_what_changes_and_keeps_the_revision_that_was_seen() -> None:
    move = versions.move_of(model(aliases=(PRODUCTION,)), "production", [(2, 100)])
    assert move.revision == 7
    assert [line[:28] for line in move.changes[:2]] == [
        "Version 1: 90 % now, 0 % the",
        "Version 2: 10 % now, 100 % t",
    ]
    assert "m" in move.changes[2]
    new = versions.move_of(model(), "canary", [(1, 50), (2, 50)])
    assert new.revision == 0
    assert len(new.changes) == 2
    assert versions.move_of(model(aliases=(PRODUCTION,)), "production", [(1, 90), (2, 10)]).changes == []


@pytest.mark.parametrize(
    "shares",
    [
        [],
        [(1, 50)],
        [(1, 60), (2, 60)],
        [(1, 50), (1, 50)],
        [(1, 99.5), (2, 0.5)],
        [(1, None)],
        [(1, -5), (2, 105)],
    ],
    ids=range(7),
)
def test_shares_that_make_no_whole_are_refused(shares: list[tuple[int, float | None]]) -> None:
    with pytest.raises(InvalidArgument):
        versions.move_of(model(), "production", shares)


def used(day: date | None, tokens: int, key: str | None = "k") -> UsageSum:
    return UsageSum(1, tokens, 0, 0, tokens, day=day, key=key, model="m")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10**9)), max_size=30))
def test_bars_are_one_a_day_and_none_is_taller_than_the_tallest(uses: list[tuple[int, int]]) -> None:
    first = date(2030, 1, 1)
    drawn = usage.bars(
        [used(first + timedelta(days=day), n) for day, n in uses], first, first + timedelta(days=9)
    )
    assert len(drawn) == 10
    assert all((later.day - earlier.day).days == 1 for earlier, later in pairwise(drawn))
    assert all(0 <= bar.percent <= 100 for bar in drawn)
    assert sum(bar.tokens for bar in drawn) == sum(n for _, n in uses)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx", 'a"b,c\nd', "plain", "é\u202e"])
def test_no_cell_of_the_file_is_a_formula(name: str) -> None:
    (heads, row) = csv.reader(io.StringIO(usage.csv_of([used(date(2030, 1, 1), 5, name)]), newline=""))
    assert heads == list(usage.HEADS)
    assert row[1].lstrip("'") == name
    assert not row[1].startswith(("=", "+", "-", "@", "\t"))


def test_keys_are_valid_until_they_are_not() -> None:
    assert keys.state_of(Key("k"), NOW) == "valid"
    assert keys.state_of(Key("k", expires_at=NOW), NOW) == "expired"
    assert keys.state_of(Key("k", revoked_at=NOW), NOW) == "revoked"
    assert keys.state_of(Key("k", revoked_at=NOW + timedelta(hours=1)), NOW).startswith("replaced")
    assert keys.expiry(30, NOW) == NOW + timedelta(days=30)
    assert keys.expiry(0, NOW) is None


def test_engines_say_why_they_get_nothing() -> None:
    assert engines.state_of(Engine("a", True)) == "ready"
    assert engines.state_of(Engine("a", False, "ejected", 9.6)) == "set aside: it failed, 10 s more"
    assert (
        engines.memory_of(Engine("a", True, memory_used_bytes=10**9, memory_budget_bytes=2 * 10**9))
        == "1.0 GB of 2.0 GB"
    )
    broken = Engine("a", True, breakers=(EngineBreaker("sha256:" + "ab" * 32, "half_open", 3.0),))
    assert engines.breakers_of(broken) == "abababababab half open, 3 s"
    assert engines.breakers_of(Engine("a", True)) == "closed"


def test_limits_are_listed_a_line_each() -> None:
    lines = limits.limit_lines(Limits("key", "local", "k", requests_per_minute=60, monthly_tokens=0))
    assert lines == [("key local k", "requests a minute", "60"), ("key local k", "tokens a month", "none")]
    left = limits.left_lines(Remaining("key", "local", "k", tokens=Left(1000, 250)))
    assert left == [("key local k", "tokens a minute", "250", "1\u202f000")]


def test_limits_are_taken_from_a_form() -> None:
    empty = dict.fromkeys(limits.KINDS)
    before = Limits("key", "local", "k", max_priority=3)
    quota = limits.quota_of(empty | {"tokens_per_minute": 500.0, "monthly_tokens": 0.0}, before)
    assert quota == {
        "requests_per_minute": None, "tokens_per_minute": 500, "concurrent_requests": None,
        "monthly_tokens": 0, "max_priority": 3,
    }  # fmt: skip
    for wrong in (-1, 1.5):
        with pytest.raises(InvalidArgument, match="requests at once"):
            limits.quota_of(empty | {"concurrent_requests": wrong}, None)


def test_an_import_only_gets_on() -> None:
    stages = ("queued", "read", "convert", "store", "register", "done")
    way = [fraction_of(ImportProgress(stage, part)) for stage in stages for part in (0.0, 0.5, 1.0)]
    assert way == sorted(way)
    assert (way[0], way[-1]) == (0.0, 1.0)
    assert fraction_of(ImportProgress("something new", 0.5)) == 0.0
