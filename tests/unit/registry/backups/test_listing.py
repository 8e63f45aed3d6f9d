"""The list of a backup: read as it was written, or refused."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import Unsupported
from colonnade.registry.backups.listing import BackupList, Damaged, Table, is_name, name_of

digests = st.binary(min_size=32, max_size=32).map(lambda content: f"sha256:{content.hex()}")
names = st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True)
moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
tables = st.builds(Table, names, st.integers(0, 2**40), digests)


@st.composite
def lists(draw: st.DrawFn) -> BackupList:
    at = draw(moments)
    listed = tuple(draw(st.lists(tables, max_size=4)))
    return BackupList(name_of(at), at, "0010", listed, tuple(draw(st.lists(digests, max_size=5))))


@given(lists())
def test_comes_back_as_it_was(listing: BackupList) -> None:
    again = BackupList.parse(listing.to_bytes(), listing.name)
    assert again == listing
    assert again.digest == listing.digest


@given(lists(), st.data())
def test_no_byte_may_change(listing: BackupList, data: st.DataObject) -> None:
    content = bytearray(listing.to_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    with suppress(Damaged, Unsupported):
        assert BackupList.parse(bytes(content), listing.name) == listing  # white space, or a letter's case


@given(lists(), st.data())
def test_no_part_may_be_cut_off(listing: BackupList, data: st.DataObject) -> None:
    content = listing.to_bytes()
    with pytest.raises(Damaged):
        BackupList.parse(content[: data.draw(st.integers(0, len(content) - 1))], listing.name)


@given(moments, moments)
def test_names_sort_by_age(one: datetime, other: datetime) -> None:
    assert (name_of(one) < name_of(other)) == (one < other)
    assert is_name(name_of(one))


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b'"x"', b"{"])
def test_what_is_no_list(content: bytes) -> None:
    with pytest.raises(Damaged):
        BackupList.parse(content, "20300102T030405.000000Z")


@pytest.mark.parametrize("field", ["name", "tables", "blobs", "at", "schema"])
def test_a_list_that_was_made_by_hand_is_checked_all_the_same(field: str) -> None:
    listing = BackupList(
        name_of(datetime(2030, 1, 1, tzinfo=UTC)), datetime(2030, 1, 1, tzinfo=UTC), "1", (), ()
    )
    facts = {**json.loads(listing.to_bytes()), field: 7}
    with pytest.raises(Damaged):
        BackupList.parse(json.dumps(facts).encode(), listing.name)
