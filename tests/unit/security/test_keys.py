"""API keys: made, shown once, proved, refused."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, Unauthenticated
from colonnade.security import keys
from colonnade.security.identity import Principal, Role

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALLER = frozenset({Role.CALLER})


def test_a_key_is_its_bearers_principal() -> None:
    kept, shown = keys.issue("acme", CALLER, NOW, subject="alice", name="laptop")
    assert keys.authenticate(keys.parse(str(shown)), kept, NOW) == Principal("acme", "alice", CALLER, kept.id)
    assert (kept.name, kept.created_at, kept.expires_at, kept.revoked_at) == ("laptop", NOW, None, None)


def test_a_key_without_a_subject_is_a_subject_of_its_own() -> None:
    kept, _ = keys.issue("acme", CALLER, NOW)
    assert kept.principal().subject == f"key:{kept.id}"


def test_only_the_hash_is_kept_and_nothing_shows_the_secret() -> None:
    kept, shown = keys.issue("acme", CALLER, NOW)
    assert kept.hash == hashlib.sha256(shown.secret.encode()).hexdigest()
    assert shown.secret not in repr(kept)
    assert shown.secret not in repr(shown)
    assert str(shown) == f"ck_{kept.id}_{shown.secret}"


def test_no_two_keys_are_alike() -> None:
    made = [keys.generate() for _ in range(200)]
    assert (
        len({credential.id for credential in made}) == len({credential.secret for credential in made}) == 200
    )


@given(st.text(max_size=80) | st.from_regex(r"ck_[a-z0-9]{15,17}_[A-Za-z0-9_-]{42,44}\n?", fullmatch=True))
def test_what_parses_is_written_the_same_way(text: str) -> None:
    try:
        credential = keys.parse(text)
    except Unauthenticated:
        return
    assert str(credential) == text
    assert (len(credential.id), len(credential.secret)) == (16, 43)


GOOD = "ck_" + "0f" * 8 + "_" + "Az9-" * 10 + "abc"  # fixed: it names the cases below


@pytest.mark.parametrize(
    "text",
    ["", "ck_", "ck__", GOOD[:-1], GOOD + "A", GOOD + "\n", " " + GOOD, GOOD.upper(), GOOD.replace("ck_",
    "sk_"),
     GOOD.replace("_", "-"), GOOD[:-1] + "é", GOOD[:-1] + "\0", "ck_" + "1" * 16 + "_" + "１" * 43],
)  # fmt: skip
def test_any_other_shape_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        keys.parse(text)
    assert len(text) < 10 or text not in refused.value.message


def test_a_wrong_an_unknown_a_revoked_and_an_expired_key_are_refused_alike() -> None:
    kept, shown = keys.issue("acme", CALLER, NOW, lifetime=timedelta(hours=1))
    other = keys.generate()
    revoked = keys.ApiKey(kept.id, kept.tenant, "", CALLER, NOW, None, NOW, "", kept.hash)
    attempts = [
        (keys.Credential(kept.id, other.secret), kept, NOW),
        (shown, None, NOW),
        (keys.Credential(other.id, shown.secret), kept, NOW),
        (shown, revoked, NOW),
        (shown, kept, NOW + timedelta(hours=1)),
    ]
    messages = set()
    for credential, known, now in attempts:
        with pytest.raises(Unauthenticated) as refused:
            keys.authenticate(credential, known, now)
        messages.add(refused.value.message)
    assert len(messages) == 1
    assert keys.authenticate(shown, kept, NOW + timedelta(minutes=59))


def test_no_secret_matches_a_key_that_does_not_exist() -> None:
    assert not keys.matches("", None)
    assert not keys.matches(keys.generate().secret, None)
    assert not keys.matches("", "")


@pytest.mark.parametrize(
    "roles", [frozenset(), frozenset({Role.SERVICE}), frozenset({Role.ADMIN, Role.SERVICE})]
)
def test_no_key_is_a_service(roles: frozenset[Role]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        keys.issue("acme", roles, NOW)
    assert refused.value.details["field"] == "roles"


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_key_that_is_over_before_it_begins_is_not_made(seconds: int) -> None:
    with pytest.raises(InvalidArgument, match="lifetime"):
        keys.issue("acme", CALLER, NOW, lifetime=timedelta(seconds=seconds))
