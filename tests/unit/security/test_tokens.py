"""Internal tokens: made, believed, and refused."""

import base64
import hmac
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OKPKey

from colonnade.errors import Unauthenticated
from colonnade.security.identity import Principal, Role
from colonnade.security.tokens import LIFETIME_SECONDS, TokenMinter, TokenVerifier, load_or_create_key

KEY = OKPKey.generate_key("Ed25519")
ALICE = Principal("acme", "alice", frozenset({Role.CALLER, Role.AUDITOR}), "k1")
CLAIMS = {
    "iss": "colonnade",
    "ten": "acme",
    "sub": "alice",
    "rol": ["admin"],
    "key": "",
    "iat": 0,
    "exp": 2**40,
}


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refused(token: str) -> None:
    with pytest.raises(Unauthenticated) as error:
        TokenVerifier(KEY).verify(token)
    assert token not in error.value.message or not token


@given(
    st.builds(Principal, st.text(), st.text(), st.frozensets(st.sampled_from(Role)), st.text()).filter(
        lambda principal: repr(principal).isprintable()
    )
)
def test_a_principal_comes_back_as_it_was(principal: Principal) -> None:
    assert TokenVerifier(KEY).verify(TokenMinter(KEY).mint(principal)) == principal


def test_a_token_is_valid_for_its_lifetime(clock: Clock) -> None:
    token = TokenMinter(KEY, clock).mint(ALICE)
    verifier = TokenVerifier(KEY, clock)
    clock.now += LIFETIME_SECONDS - 1
    assert verifier.verify(token) == ALICE
    clock.now += 1
    with pytest.raises(Unauthenticated, match="expired"):
        verifier.verify(token)
    with pytest.raises(Unauthenticated, match="expired"):
        TokenVerifier(KEY, clock).verify(token)


def test_a_token_is_reused_until_half_its_life_is_over(clock: Clock) -> None:
    minter = TokenMinter(KEY, clock)
    first = minter.mint(ALICE)
    clock.now += LIFETIME_SECONDS / 2 - 1
    assert minter.mint(ALICE) == first
    assert minter.mint(Principal("acme", "bob", ALICE.roles)) != first
    clock.now += 1
    later = minter.mint(ALICE)
    assert later != first
    clock.now += LIFETIME_SECONDS / 2 + 1
    assert TokenVerifier(KEY, clock).verify(later) == ALICE


def test_another_key_is_not_believed() -> None:
    refused(TokenMinter(OKPKey.generate_key("Ed25519")).mint(ALICE))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "Bearer x", "\ud800", "é.é.é", "a" * 10_000])
def test_what_is_no_token_is_refused(token: str) -> None:
    refused(token)


def test_every_changed_character_is_noticed() -> None:
    token = TokenMinter(KEY).mint(ALICE)
    # The last character holds bits that the signature does not use.
    for place in range(len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        refused(token[:place] + other + token[place + 1 :])


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_without_a_signature_is_refused() -> None:
    refused(f"{part({'alg': 'none'})}.{part(CLAIMS)}.")
    signature = TokenMinter(KEY).mint(ALICE).rpartition(".")[2]
    refused(f"{part({'alg': 'none'})}.{part(CLAIMS)}.{signature}")


def test_a_deeply_nested_header_is_refused() -> None:
    header = base64.urlsafe_b64encode(b"[" * 50_000).decode()
    refused(f"{header}.{part(CLAIMS)}.c2ln")
    refused(f"{header}.e30.c2ln")


def test_the_public_key_is_no_shared_secret() -> None:
    """The classic confusion of algorithms: HMAC with the public key as its secret."""
    unsigned = f"{part({'alg': 'HS256'})}.{part(CLAIMS)}"
    for secret in (KEY.as_pem(private=False), KEY.as_der(private=False)):
        signature = hmac.digest(secret, unsigned.encode(), "sha256")
        refused(f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other"}, {"iss": None}, {"ten": None}, {"sub": None}, {"rol": None}, {"rol": ["root"]},
        {"rol": "admin"},
        {"rol": [["admin"]]}, {"exp": None}, {"exp": "soon"}, {"key": None}, {"exp": 1}, {"exp": "nan"},
        {"exp": True}, {"exp": 1e999},
    ],
)  # fmt: skip
def test_well_signed_claims_must_be_ours(change: dict[str, Any]) -> None:
    """None takes the claim out."""
    claims = {name: value for name, value in (CLAIMS | change).items() if value is not None}
    refused(jwt.encode({"alg": "Ed25519"}, claims, KEY, algorithms=["Ed25519"]))


def test_the_caches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colonnade.security.tokens._CACHE_SIZE", 2)
    minter, verifier = TokenMinter(KEY), TokenVerifier(KEY)
    people = [Principal("acme", f"p{number}", frozenset()) for number in range(5)]
    assert [verifier.verify(minter.mint(person)) for person in people] == people
    assert len(minter._minted) == len(verifier._verified) == 2


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    first = load_or_create_key(folder)
    token = TokenMinter(first).mint(ALICE)
    assert TokenVerifier(load_or_create_key(folder)).verify(token) == ALICE
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_processes_that_race_end_with_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from colonnade.security.tokens import load_or_create_key;"
        "sys.stdin.readline(); print(load_or_create_key(Path(sys.argv[1])).thumbprint())"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ,
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(b"\n")
        racer.stdin.flush()
    prints = {racer.communicate(timeout=60)[0] for racer in racers}
    assert len(prints) == 1
    assert prints != {b""}
    assert [file.name for file in tmp_path.iterdir()] == ["signing-key.pem"]
