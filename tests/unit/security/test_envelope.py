"""Sealed secrets: they open for whom they were sealed for, with a key that is there, and for nobody else."""

import base64
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.security.envelope import KeyMissing, Keyring, NotWhole, is_sealed, key_of

SETTING = "THE_KEY_FILE"
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
RING = Keyring([OLD], SETTING)
contexts = st.lists(st.text(max_size=20), max_size=3).map(tuple)


def line(key: bytes) -> str:
    return base64.b64encode(key).decode() + "\n"


@given(st.binary(max_size=300), contexts)
def test_what_was_sealed_opens(secret: bytes, context: tuple[str, ...]) -> None:
    sealed = RING.seal(secret, *context)
    assert is_sealed(sealed)
    assert sealed.isascii()
    assert key_of(sealed) == RING.first
    assert RING.open(sealed, *context) == secret


@given(st.binary(min_size=8, max_size=40))
def test_the_same_secret_is_never_sealed_alike_and_cannot_be_seen(secret: bytes) -> None:
    first, second = RING.seal(secret, "a"), RING.seal(secret, "a")
    assert not set(first.split(".")[3:]) & set(second.split(".")[3:])
    for part in first.split(".")[3:]:
        assert secret not in base64.b64decode(part)


@given(contexts, contexts)
def test_only_for_its_own_context(mine: tuple[str, ...], other: tuple[str, ...]) -> None:
    sealed = RING.seal(b"secret", *mine)
    if mine != other:
        with pytest.raises(NotWhole):
            RING.open(sealed, *other)


@given(st.data())
def test_any_change_is_found(data: st.DataObject) -> None:
    sealed = RING.seal(b"a secret of some length", "id", "url")
    where = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda each: each != sealed[where]))
    changed = sealed[:where] + other + sealed[where + 1 :]
    with pytest.raises((NotWhole, KeyMissing)):
        RING.open(changed, "id", "url")


@pytest.mark.parametrize(
    "text", ["", "whsec_x", "sealed.1.", "sealed.1.a.b", "sealed.1.a.b.c.d", "sealed.2.a.b.c", "sealed.1..."]
)
def test_what_is_nothing_sealed_is_refused(text: str) -> None:
    with pytest.raises((NotWhole, KeyMissing)):
        RING.open(text, "a")


def test_parts_of_two_do_not_make_one() -> None:
    one, two = RING.seal(b"one", "a").split("."), RING.seal(b"two", "a").split(".")
    with pytest.raises(NotWhole):
        RING.open(".".join([*one[:4], two[4]]), "a")


@given(st.binary(max_size=60))
def test_keys_are_replaced_one_after_the_other(secret: bytes) -> None:
    sealed = RING.seal(secret, "a")
    both = Keyring([NEW, OLD], SETTING)
    assert both.open(sealed, "a") == secret
    renewed = both.renewed(sealed, "a")
    assert key_of(renewed) == both.first != key_of(sealed)
    assert both.renewed(renewed, "a") == renewed
    assert renewed.split(".")[4] == sealed.split(".")[4]  # the secret itself was not touched
    assert Keyring([NEW], SETTING).open(renewed, "a") == secret
    with pytest.raises(NotWhole):
        both.renewed(sealed, "b")


def test_a_key_that_is_missing_is_named_with_its_file() -> None:
    sealed = RING.seal(b"secret", "a")
    for act in (Keyring([NEW], SETTING).open, Keyring([NEW], SETTING).renewed):
        with pytest.raises(KeyMissing, match=rf"{RING.first}.*{SETTING}") as refused:
            act(sealed, "a")
        assert refused.value.details == {"key": RING.first}


def test_a_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys"
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(Keyring.opened(path, SETTING).first)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [found[0]] * 8
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_several_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# of March\n{line(NEW)}\n  {line(OLD)}")
    both = Keyring.read(path, SETTING)
    assert both.first == Keyring([NEW], SETTING).first
    assert RING.first in both
    assert both.open(RING.seal(b"x", "a"), "a") == b"x"
    assert not {line(NEW).strip(), line(OLD).strip()} & set(repr(both).split())


@pytest.mark.parametrize(
    "content",
    [b"", b"# nothing\n", b"short\n", base64.b64encode(bytes(31)), b"\xff" * 44, b"A" * (64 << 10) + b"A"],
)
def test_a_file_that_is_none_is_refused_by_its_setting(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    for given_path in (path, tmp_path / "missing"):
        with pytest.raises(InvalidArgument, match=SETTING) as refused:
            Keyring.read(given_path, SETTING)
        assert str(tmp_path) not in refused.value.message


def test_one_bad_line_spoils_the_file(tmp_path: Path) -> None:
    """Else a slip in the first line would have the second one seal."""
    path = tmp_path / "keys"
    path.write_text(f"{line(NEW).strip()[:-4]}\n{line(OLD)}")
    with pytest.raises(InvalidArgument):
        Keyring.read(path, SETTING)
