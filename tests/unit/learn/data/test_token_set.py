"""A token set gives back what was written, and says what is damaged."""

import dataclasses
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, NotFound
from colonnade.learn.data.card import Card, Damaged, SourceCard
from colonnade.learn.data.shards import Position, ShardWriter
from colonnade.learn.data.token_set import TokenSet
from tests.unit.learn.data.sets import END, write_set

documents = st.lists(st.lists(st.integers(0, 511), max_size=30), max_size=25)
quick = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def begun(folder: Path, shard: int, at: Position | None = None) -> ShardWriter:
    return ShardWriter(folder, vocabulary=512, end_of_text=END, shard_tokens=shard, at=at)


@quick
@given(texts=documents, shard=st.integers(1, 80))
def test_what_was_written_is_read(
    texts: list[list[int]], shard: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    row = write_set(tmp_path_factory.mktemp("set"), {"a": texts}, shard_tokens=shard).splits["train"]["a"]
    flat = [token for text in texts for token in [*text, END]]
    assert (row.documents, row.tokens) == (len(texts), len(flat))
    assert row.read(0, row.tokens).tolist() == flat
    assert [row.document(i).tolist() for i in range(row.documents)] == [[*text, END] for text in texts]
    assert row.lengths(0, row.documents).tolist() == [len(text) + 1 for text in texts]
    middle = len(flat) // 3
    assert row.read(middle, len(flat) - middle).tolist() == flat[middle:]


@quick
@given(texts=documents, shard=st.integers(1, 80), data=st.data())
def test_a_writer_that_goes_on_at_a_position_leaves_the_same_bytes(
    texts: list[list[int]], shard: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told = data.draw(st.integers(0, len(texts)), label="told")
    died = data.draw(st.integers(told, len(texts)), label="died")
    straight, folder = tmp_path_factory.mktemp("straight"), tmp_path_factory.mktemp("killed")
    with begun(straight, shard) as writer:
        for text in texts:
            writer.append(text)
        whole = writer.close()
    with begun(folder, shard) as writer:
        for text in texts[:told]:
            writer.append(text)
        at = writer.sync()
        for text in texts[told:died]:
            writer.append(text)
        if data.draw(st.booleans(), label="closed"):
            writer.close()
    with begun(folder, shard, at) as writer:
        assert writer.position == at
        for text in texts[told:]:
            writer.append(text)
        assert writer.close() == whole
    assert bytes_of(folder) == bytes_of(straight)


def test_a_document_longer_than_a_shard_has_one_of_its_own(tmp_path: Path) -> None:
    held = write_set(tmp_path, {"a": [[1], [2] * 100, [3]]}, shard_tokens=10)
    assert [shard.tokens for shard in held.card.splits["train"]["a"].shards] == [2, 101, 2]


@pytest.mark.parametrize(("vocabulary", "size"), [(65_536, 2), (65_537, 4)])
def test_the_width_of_a_token_follows_the_vocabulary(tmp_path: Path, vocabulary: int, size: int) -> None:
    held = write_set(tmp_path, {"a": [[vocabulary - 1]]}, vocabulary=vocabulary)
    assert (tmp_path / "train/a/00000.tokens").stat().st_size == 2 * size
    assert held.splits["train"]["a"].document(0).tolist() == [vocabulary - 1, END]


@pytest.mark.parametrize("token", [-1, 512])
def test_a_token_outside_the_vocabulary_is_refused(tmp_path: Path, token: int) -> None:
    with (
        ShardWriter(tmp_path, vocabulary=512, end_of_text=END) as writer,
        pytest.raises(InvalidArgument, match="outside the vocabulary of 512"),
    ):
        writer.append([1, token])


def test_a_journal_that_promises_more_than_the_disk_holds_is_refused(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, vocabulary=512, end_of_text=END) as writer:
        writer.append([1, 2])
    with pytest.raises(Damaged, match=r"00000\.tokens\.partial is shorter than the journal says"):
        ShardWriter(tmp_path, vocabulary=512, end_of_text=END, at=Position(0, 2, 9))
    with pytest.raises(Damaged, match=r"00000\.tokens is missing"):
        ShardWriter(tmp_path, vocabulary=512, end_of_text=END, at=Position(1))


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    draw = random.Random(1)
    write_set(tmp_path, {"a": [[draw.randrange(512) for _ in range(20)] for _ in range(9)]})
    for path in sorted((tmp_path / "train/a").iterdir()):
        good = path.read_bytes()
        where = draw.randrange(len(good))
        path.write_bytes(good[:where] + bytes([good[where] ^ 1]) + good[where + 1 :])
        TokenSet.open(tmp_path)
        with pytest.raises(Damaged, match=f"train/a/{path.name} has another sha256"):
            TokenSet.open(tmp_path, verify=True)
        path.write_bytes(good)
    assert TokenSet.open(tmp_path, verify=True).card.digest


def test_a_file_that_is_cut_short_or_gone_is_found_without_verifying(tmp_path: Path) -> None:
    row = write_set(tmp_path, {"a": [[1, 2, 3]]}).splits["train"]["a"]
    path = tmp_path / "train/a/00000.tokens"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(Damaged, match=r"train/a/00000\.tokens has 6 bytes, the card says 8"):
        TokenSet.open(tmp_path)
    with pytest.raises(Damaged, match="became shorter"):
        row.read(0, 4)
    path.unlink()
    with pytest.raises(Damaged, match="is missing"):
        TokenSet.open(tmp_path)
    with pytest.raises(Damaged, match="is missing"):
        row.read(0, 4)


def test_the_tokenizer_is_checked(tmp_path: Path) -> None:
    write_set(tmp_path, {"a": [[1]]})
    (tmp_path / "tokenizer.json").write_text("[]")
    with pytest.raises(Damaged, match=r"tokenizer\.json"):
        TokenSet.open(tmp_path)


def test_a_card_that_was_changed_is_found(tmp_path: Path) -> None:
    write_set(tmp_path, {"a": [[1]]})
    said = json.loads((tmp_path / "card.json").read_text())
    for change in ({"end_of_text": 7}, {"splits": {"train": {"a": 3}}}, {"digest": "sha256:00"}):
        (tmp_path / "card.json").write_text(json.dumps(said | change))
        with pytest.raises(Damaged, match=r"card\.json"):
            Card.read(tmp_path)
    (tmp_path / "card.json").write_text(json.dumps(said)[:-1])
    with pytest.raises(Damaged, match=r"card\.json is not JSON"):
        Card.read(tmp_path)
    (tmp_path / "card.json").write_text(json.dumps(said | {"format": 2}))
    with pytest.raises(InvalidArgument, match="format must be 1"):
        Card.read(tmp_path)


def test_the_digest_is_that_of_the_contents(tmp_path: Path) -> None:
    one = write_set(tmp_path / "one", {"a": [[1, 2]], "b": [[3]]}).card
    again = write_set(tmp_path / "two", {"b": [[3]], "a": [[1, 2]]}).card
    other = write_set(tmp_path / "three", {"a": [[1, 2]], "b": [[4]]}).card
    assert one.digest == again.digest != other.digest
    noted = Card(
        tokenizer=one.tokenizer, vocabulary=512, end_of_text=END, splits=one.splits,
        dropped={"short": 3}, settings={"folder": "elsewhere"},
    )  # fmt: skip
    noted.write(tmp_path)
    assert Card.read(tmp_path) == noted
    assert noted.digest == one.digest


def test_a_card_of_very_many_shards_is_read(tmp_path: Path) -> None:
    card = write_set(tmp_path, {"a": [[1]]}).card
    shards = SourceCard(card.splits["train"]["a"].shards * 30_000)
    many = dataclasses.replace(card, splits={"train": {"a": shards}})
    many.write(tmp_path)
    assert Card.read(tmp_path) == many


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    held = write_set(tmp_path, {"a": [[1, 2]], "empty": []})
    row, empty = held.rows("train")["a"], held.rows("train")["empty"]
    assert (empty.tokens, empty.documents, empty.read(0, 0).dtype) == (0, 0, np.dtype(np.int64))
    with pytest.raises(NotFound, match="no split 'validation'; it has train"):
        held.rows("validation")
    for start, count in ((1, 3), (-1, 1)):
        with pytest.raises(InvalidArgument, match="asked for, there are 3"):
            row.read(start, count)
    with pytest.raises(InvalidArgument, match="asked for, there are 1"):
        row.document(1)
    with pytest.raises(NotFound):
        TokenSet.open(tmp_path / "nowhere")
