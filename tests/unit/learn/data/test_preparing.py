"""From raw text to a token set: what gets in, what does not, and that it is the same every time."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import tokenizers

from colonnade.errors import AlreadyExists, Conflict, InvalidArgument, NotFound, Unavailable
from colonnade.learn.data.card import Card
from colonnade.learn.data.journal import FOLDER, Journal
from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.progress import Progress
from colonnade.learn.data.settings import DataSettings
from colonnade.learn.data.token_set import TokenSet
from tests.unit.learn.data.corpora import content_of, json_lines, settings, texts

SMALL = 4096  # characters a stretch


class Stopped(Exception):
    """Whoever listens has enough."""


def documents_of(folder: Path) -> dict[str, list[str]]:
    opened = TokenSet.open(folder, verify=True)
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    return {
        split: [
            tokenizer.decode(row.document(number)[:-1].tolist(), skip_special_tokens=False)
            for row in sources.values()
            for number in range(row.documents)
        ]
        for split, sources in opened.splits.items()
    }


def test_every_document_is_in_one_split_or_dropped_once(tmp_path: Path) -> None:
    rows = list(texts(300))
    noise = ["", "  \n ", rows[5], rows[7] + " Once more."]
    first = json_lines(tmp_path / "first.jsonl", rows[:200])
    second = json_lines(tmp_path / "second.jsonl", rows[200:] + noise)
    said = settings(first, second, split={"validation": 0.2})
    card = prepare(said, tmp_path / "set", stretch=SMALL)
    found = documents_of(tmp_path / "set")
    assert Counter(found["train"] + found["validation"]) == Counter(rows)
    assert 30 < len(found["validation"]) < 90
    assert card.dropped["min_characters"] == 2
    assert sum(card.dropped.values()) == 4
    assert card == Card.read(tmp_path / "set")
    report = card.settings["sources"]
    assert [report[name]["documents"] for name in ("first", "second")] == [200, 104]
    assert sum(report[name]["kept_bytes"] for name in report) == sum(len(row.encode()) for row in rows)


def test_the_same_comes_out_of_any_stretch_and_any_number_of_processes(tmp_path: Path) -> None:
    said = settings(json_lines(tmp_path / "a.jsonl", texts(120)), fill_in_middle={"rate": 0.5})
    said = said.model_copy(
        update={
            "tokenizer": said.spelling().model_copy(update={"fill_in_middle": True}),
            "shard_tokens": 1024,
        }
    )
    prepare(said, tmp_path / "one")
    prepare(said, tmp_path / "two", stretch=SMALL)
    prepare(said.model_copy(update={"processes": 2}), tmp_path / "three", stretch=SMALL)
    assert content_of(tmp_path / "one") == content_of(tmp_path / "two") == content_of(tmp_path / "three")


def test_where_the_files_lie_decides_nothing(tmp_path: Path) -> None:
    for name in ("here", "there"):
        prepare(settings(json_lines(tmp_path / name / "a.jsonl", texts(40))), tmp_path / f"set {name}")
    assert content_of(tmp_path / "set here") == content_of(tmp_path / "set there")


def test_a_document_is_of_the_same_split_wherever_it_stands(tmp_path: Path) -> None:
    rows = list(texts(200))
    for name, order in (("a", rows), ("b", rows[::-1])):
        said = settings(json_lines(tmp_path / name / "a.jsonl", order), split={"validation": 0.3})
        prepare(said, tmp_path / name / "set")
    one, other = documents_of(tmp_path / "a" / "set"), documents_of(tmp_path / "b" / "set")
    assert set(one["validation"]) == set(other["validation"])


@pytest.mark.parametrize("contamination", ["drop", "count", "ignore"])
def test_a_training_document_that_nearly_equals_validation_is_seen_even_when_it_comes_first(
    tmp_path: Path, contamination: str
) -> None:
    rows = list(texts(60))
    training = json_lines(tmp_path / "training.jsonl", [row + " Changed." for row in rows[:10]] + rows[30:])
    judged = json_lines(tmp_path / "judged.jsonl", rows[:10])
    said = settings(training, judged, split={"validation": 0.0, "contamination": contamination}).model_dump()
    said["sources"][1]["split"] = "validation"
    card = prepare(DataSettings.model_validate(said), tmp_path / "set")
    assert card.dropped == ({"contamination": 10} if contamination == "drop" else {})
    counted = card.settings["sources"]["training"]["contaminated"]
    assert counted == (10 if contamination == "count" else 0)
    assert len(documents_of(tmp_path / "set")["validation"]) == 10


@pytest.mark.parametrize(("kind", "dropped"), [("near", 4), ("exact", 2), ("none", 0)])
def test_duplicates(tmp_path: Path, kind: str, dropped: int) -> None:
    rows = [row for row in texts(40) if len(row) > 200]
    extra = [rows[0], rows[3] + "\r\n", rows[1] + " More.", rows[2].upper()]
    said = settings(
        json_lines(tmp_path / "a.jsonl", rows + extra),
        duplicates={"kind": kind, "threshold": 0.7},
        split={"validation": 0.0},
    )
    card = prepare(said, tmp_path / "set")
    assert card.dropped.get("duplicate", 0) == dropped
    assert documents_of(tmp_path / "set")["train"][: len(rows)] == rows


def test_a_control_token_that_is_written_in_a_text_is_text(tmp_path: Path) -> None:
    text = "It is said that <|endoftext|> ends a text, <|im_start|> too."
    said = settings(json_lines(tmp_path / "a.jsonl", [*texts(20), text]), split={"validation": 0.0})
    prepare(said, tmp_path / "set")
    row = TokenSet.open(tmp_path / "set").splits["train"]["a"]
    ids = row.document(20)
    assert (ids == TokenSet.open(tmp_path / "set").card.end_of_text).sum() == 1
    assert documents_of(tmp_path / "set")["train"][20] == text


def test_a_second_call_does_nothing_and_tells_nothing(tmp_path: Path) -> None:
    said = settings(json_lines(tmp_path / "a.jsonl", texts(30)))
    card = prepare(said, tmp_path / "set")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")}
    told: list[Progress] = []
    moved = said.model_copy(update={"processes": 7})
    assert prepare(moved, tmp_path / "set", told.append) == card
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")} == before
    assert told == []


def test_other_settings_or_files_are_refused_by_name(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", texts(30))
    prepare(settings(path), tmp_path / "set")
    with pytest.raises(Conflict, match=r"settings\.split\.seed was 0 and is 3"):
        prepare(settings(path, split={"seed": 3}), tmp_path / "set")
    json_lines(path, texts(31))
    with pytest.raises(Conflict, match=r"files\.a was sha256"):
        prepare(settings(path), tmp_path / "set")


def test_a_preparation_that_was_begun_otherwise_is_not_gone_on_with(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [*texts(30)])
    with path.open("a") as file:
        file.write("no json\n")
    with pytest.raises(InvalidArgument, match="line 31"):
        prepare(settings(path), tmp_path / "set", stretch=SMALL)
    with pytest.raises(Conflict, match="holds a preparation"):
        prepare(settings(path, split={"seed": 3}), tmp_path / "set")


def test_what_was_refused_once_goes_on_when_it_is_mended(tmp_path: Path) -> None:
    rows = list(texts(60))
    one, two = json_lines(tmp_path / "one.jsonl", rows[:30]), json_lines(tmp_path / "two.jsonl", rows[30:])
    said = settings(one, two)
    prepare(said, tmp_path / "whole", stretch=SMALL)
    aside = tmp_path / "aside"
    told: list[Progress] = []

    def take_away(progress: Progress) -> None:
        told.append(progress)
        if progress.stage == "train" and two.exists():
            two.rename(aside)

    with pytest.raises(NotFound, match=r"two\.jsonl is not there any more"):
        prepare(said, tmp_path / "set", take_away, stretch=SMALL)
    aside.rename(two)
    prepare(said, tmp_path / "set", stretch=SMALL)
    assert content_of(tmp_path / "set") == content_of(tmp_path / "whole")


def test_who_listens_may_stop_it_and_go_on_later(tmp_path: Path) -> None:
    said = settings(json_lines(tmp_path / "a.jsonl", texts(60)))
    prepare(said, tmp_path / "whole", stretch=SMALL)
    stages: list[str] = []

    def stop(progress: Progress) -> None:
        stages.append(progress.stage)
        if stages == ["tokenizer"] or (progress.stage != "tokenizer" and len(stages) % 3 == 0):
            raise Stopped

    stopped = 0
    while not (tmp_path / "set" / "card.json").exists():
        try:
            prepare(said, tmp_path / "set", stop, stretch=SMALL)
        except Stopped:
            stopped += 1
    assert stopped > 2
    assert stages.count("tokenizer") > 1
    assert content_of(tmp_path / "set") == content_of(tmp_path / "whole")


def test_a_full_disk_is_told_and_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = settings(json_lines(tmp_path / "a.jsonl", texts(200)))
    prepare(said, tmp_path / "whole", stretch=SMALL)
    begun = Journal.__init__

    def small(self: Journal, folder: Path, memory_bytes: int) -> None:
        begun(self, folder, memory_bytes)
        self.database.execute("PRAGMA max_page_count = 12")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "__init__", small)
        with pytest.raises(Unavailable, match="disk is full; free some space"):
            prepare(said, tmp_path / "set", stretch=SMALL)
    prepare(said, tmp_path / "set", stretch=SMALL)
    assert content_of(tmp_path / "set") == content_of(tmp_path / "whole")


def test_a_damaged_journal_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "set" / FOLDER).mkdir(parents=True)
    (tmp_path / "set" / FOLDER / "progress.sqlite3").write_bytes(b"no database at all" * 99)
    with pytest.raises(InvalidArgument, match="journal of the token set is damaged"):
        prepare(settings(json_lines(tmp_path / "a.jsonl", texts(9))), tmp_path / "set")


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("mine")
    with pytest.raises(AlreadyExists, match="holds something else"):
        prepare(settings(json_lines(tmp_path / "a.jsonl", texts(9))), tmp_path / "set")
    with pytest.raises(InvalidArgument, match="cannot be made"):
        prepare(settings(tmp_path / "a.jsonl"), tmp_path / "a.jsonl")


def test_only_one_process_prepares_a_folder(tmp_path: Path) -> None:
    said = settings(json_lines(tmp_path / "a.jsonl", texts(30)))

    def again(progress: Progress) -> None:
        with pytest.raises(Conflict, match="another process"):
            prepare(said, tmp_path / "set")

    prepare(said, tmp_path / "set", again)


def test_nothing_left_to_train_on_is_said_with_the_reasons(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", ["one", "two"])
    given = json_lines(tmp_path / "b.jsonl", texts(30))
    prepare(settings(given), tmp_path / "made")
    said = settings(
        path,
        tokenizer={"kind": "file", "path": str(tmp_path / "made")},
        quality={"min_words": 2},
    )
    with pytest.raises(InvalidArgument, match="dropped: min_words 2"):
        prepare(said, tmp_path / "set")
    with pytest.raises(InvalidArgument, match="train the tokenizer"):
        prepare(settings(path, quality={"min_words": 2}), tmp_path / "other")


def test_progress_goes_up_to_the_whole_of_each_stage(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", texts(200))
    told: list[Progress] = []
    prepare(settings(path), tmp_path / "set", told.append, stretch=SMALL)
    for stage in ("validation", "train"):
        steps = [one for one in told if one.stage == stage]
        assert len(steps) > 5
        assert [one.bytes_done for one in steps] == sorted(one.bytes_done for one in steps)
        assert steps[-1].bytes_done == steps[-1].bytes_total == path.stat().st_size
        assert all(one.bytes_per_second > 0 for one in steps)
        assert replace(steps[-1]).seconds_left == 0
    assert told[-1].documents == 200
    assert told[-1].tokens == sum(
        row.tokens for sources in TokenSet.open(tmp_path / "set").splits.values() for row in sources.values()
    )


def test_sources_have_rules_of_their_own(tmp_path: Path) -> None:
    rows = list(texts(40))
    said = settings(
        json_lines(tmp_path / "a.jsonl", rows[:20]),
        json_lines(tmp_path / "b.jsonl", rows[20:]),
        quality={"max_words": 1},
        split={"validation": 0.0},
    ).model_dump()
    said["sources"][1]["quality"] = {"preset": "none"}
    card = prepare(DataSettings.model_validate(said), tmp_path / "set")
    assert card.dropped == {"max_words": 20}
    assert set(card.splits["train"]) == {"b"}


def test_the_settings_survive_json_and_yaml_lists() -> None:
    said = settings(Path("a.jsonl"), quality={"preset": "fineweb", "min_words": None})
    assert DataSettings.model_validate_json(said.model_dump_json()) == said
    assert DataSettings.model_validate(json.loads(said.model_dump_json())) == said
    assert said.quality.min_words is None
    assert said.quality.max_words == 100_000


def test_a_card_that_was_written_ends_the_preparation_whatever_is_left_of_the_journal(tmp_path: Path) -> None:
    said = settings(json_lines(tmp_path / "a.jsonl", texts(30)))
    prepare(said, tmp_path / "set")
    (tmp_path / "set" / FOLDER).mkdir()
    shutil.copy(tmp_path / "a.jsonl", tmp_path / "set" / FOLDER / "progress.sqlite3")
    prepare(said, tmp_path / "set")
    assert not (tmp_path / "set" / FOLDER).exists()
