"""Records of a person are readable as long as their key is there, and verifiable for good."""

import json
import os
from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.security.audit import AuditLog, Record, read_opened, verify
from colonnade.security.audit.__main__ import main
from colonnade.security.audit.record import Head, make
from colonnade.security.audit.subject_keys import SubjectKeys, key_file
from colonnade.security.envelope import Keyring
from colonnade.security.identity import Principal, Role

ALICE = Principal("acme", "alice", frozenset({Role.CALLER}), "k-alice")
BOB = Principal("acme", "bob", frozenset({Role.ADMIN}), "k-bob")
NAMESAKE = Principal("other", "alice", frozenset({Role.CALLER}), "k-other")
TRAINING = Principal.service("training")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.jsonl"


def opened(path: Path, keyring: Keyring | None = None) -> list[Record]:
    return list(read_opened(path, keyring))


def in_files(path: Path, word: str) -> bool:
    return any(word.encode() in each.read_bytes() for each in path.parent.iterdir())


def test_no_name_is_in_any_file_and_the_key_opens_what_is_sealed(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop", model="smol", session="s-17")
        log.note("rollout.pause", BOB, "ok", why="ask alice")
    for word in ("alice", "bob", "k-alice", "s-17"):
        assert not in_files(path, word)
    first, second = opened(path)
    assert (first.subject, first.tenant) == ("alice", "acme")
    assert first.facts == {"model": "smol", "session": "s-17", "caller_key_id": "k-alice"}
    assert second.facts == {"why": "ask alice", "caller_key_id": "k-bob"}


async def test_an_erased_person_is_erased_alone_and_the_chain_stays_whole(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        for who in (ALICE, BOB, NAMESAKE):
            log.note("generate", who, "stop", model="smol")
        before = log.head
        assert await log.erase("acme", "alice") == 1
        assert await log.erase("acme", "alice") == 0
        log.note("generate", BOB, "stop")
    assert [record.subject for record in opened(path)] == ["erased", "bob", "alice", "bob"]
    assert opened(path)[0].facts == {"model": "smol", "sealed": "erased"}
    assert verify(path, expected=before).ok


async def test_what_names_another_person_is_erased_with_that_person(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        log.note("share", BOB, "ok", subject="alice", owner="other/alice")
        await log.erase("acme", "alice")
    (record,) = opened(path)
    assert (record.subject, record.facts["subject"], record.facts["owner"]) == (
        "bob",
        "erased",
        "other/alice",
    )


async def test_what_a_service_does_on_behalf_of_somebody(path: Path) -> None:
    with AuditLog(path, "training") as log:
        log.note("step", TRAINING, "ok", job="j1", why="bob said so", on_behalf_of="acme/bob")
        log.note("step", TRAINING, "ok", why="no slot")
        assert not in_files(path, "bob")
        await log.erase("acme", "bob")
    first, second = opened(path)
    assert (first.subject, first.facts) == ("training", {"job": "j1", "sealed": "erased"})
    assert (second.subject, second.facts) == ("training", {"why": "no slot"})


async def test_a_restored_key_file_is_erased_again(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop")
    backup = key_file(path).read_bytes()
    for _ in range(2):
        with AuditLog(path, "gateway") as log:
            assert await log.erase("acme", "alice") == 1
        assert opened(path)[0].subject == "erased"
        key_file(path).write_bytes(backup)
        assert opened(path)[0].subject == "alice"


async def test_a_key_that_comes_back_with_a_backup_is_destroyed_unasked(path: Path, tmp_path: Path) -> None:
    noted = tmp_path / "kept" / "audit-gateway.destroyed"
    with AuditLog(path, "gateway", destroyed=noted) as log:
        log.note("generate", ALICE, "stop")
        log.note("generate", BOB, "stop")
        backup = key_file(path).read_bytes()
        await log.erase("acme", "alice")
    with noted.open("ab") as file:
        file.write(b"\n0123")  # and a kill cut it off
    key_file(path).write_bytes(backup)
    with AuditLog(path, "gateway", destroyed=noted) as log:
        log.note("generate", ALICE, "stop")
        await log.erase("acme", "bob")
    assert [record.subject for record in opened(path)] == ["erased", "erased", "alice"]
    assert len(noted.read_text().split()) == 3


async def test_who_comes_back_has_another_key(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop")
        await log.erase("acme", "alice")
        log.note("generate", ALICE, "stop")
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop")
    assert [record.subject for record in opened(path)] == ["erased", "alice", "alice"]


@pytest.mark.parametrize("left", [1, 64, 127])
def test_a_key_whose_writer_was_killed_is_none(path: Path, left: int) -> None:
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop")
    with key_file(path).open("ab") as file:
        file.write(os.urandom(left))
    with AuditLog(path, "gateway") as log:
        log.note("generate", BOB, "stop")
    assert [record.subject for record in opened(path)] == ["alice", "bob"]


def test_a_damaged_slot_is_no_key_and_a_damaged_head_is_said(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop")
    whole = key_file(path).read_bytes()
    key_file(path).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert opened(path)[0].subject == "erased"
    key_file(path).write_bytes(b"x" + whole[1:])
    with pytest.raises(Unavailable, match="is damaged"):
        AuditLog(path, "gateway")


def test_a_key_encryption_key_seals_the_keys_and_is_replaced(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop")
    first, second = b"1" * 32, b"2" * 32
    for keys in ([first], [second, first], [second]):
        with AuditLog(path, "gateway", keyring=Keyring(keys, "S")) as log:
            log.note("generate", ALICE, "stop")
    with pytest.raises(Unavailable, match="COLONNADE_AUDIT_ENCRYPTION_KEY_FILE"):
        SubjectKeys(key_file(path))
    assert {record.subject for record in opened(path, Keyring([second], "S"))} == {"alice"}


def test_records_from_before_there_were_keys_stay_readable(path: Path) -> None:
    said = {
        "action": "generate",
        "outcome": "stop",
        "facts": {"subject": "bob"},
        "time": "t",
        "writer": "gateway",
    }
    old = make(Head.before_first("gateway"), tenant="acme", subject="alice", **said)
    path.write_bytes(old.line())
    assert opened(path) == [old]
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop")
    assert [record.subject for record in opened(path)] == ["alice", "alice"]
    assert verify(path).ok


def test_a_fact_cannot_pass_for_what_is_sealed(path: Path) -> None:
    with AuditLog(path, "gateway") as log, pytest.raises(InvalidArgument):
        log.note("generate", ALICE, "stop", sealed="x")


async def test_the_command_shows_what_can_be_opened(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with AuditLog(path, "gateway") as log:
        log.note("generate", ALICE, "stop")
        log.note("generate", BOB, "stop")
        await log.erase("acme", "alice")
    assert main(["--show", str(path)]) == 0
    *records, verdict = capsys.readouterr().out.splitlines()
    assert [json.loads(record)["subject"] for record in records] == ["erased", "bob"]
    assert "in order, 2 records" in verdict
