"""What is asked under a key happens once."""

import pytest

from colonnade.errors import Conflict, InvalidArgument
from colonnade.security.inputs.once import Once


def test_a_key_is_for_one_thing() -> None:
    once = Once.of("acme/eve", "key", "one", "thing")
    assert once is not None
    again = Once.of("acme/eve", "key", "one", "thing")
    assert again == once
    once.check(once.fingerprint)
    for other in (("one",), ("one", "other"), ("onething",)):
        asked = Once.of("acme/eve", "key", *other)
        assert asked is not None
        with pytest.raises(Conflict, match="idempotency key"):
            once.check(asked.fingerprint)


def test_without_a_key_there_is_nothing_to_remember() -> None:
    assert Once.of("acme/eve", "", "one") is None


@pytest.mark.parametrize("key", ["a b", "ä", "x" * 129, "-a"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(InvalidArgument, match="idempotency_key"):
        Once.of("acme/eve", key, "one")
