"""What must never reach a log."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.telemetry.redaction import REDACTED, redact, redact_text


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "Authorization", "proxy-authorization", "cookie", "set-cookie", "password", "passwd",
        "db_password", "secret", "client_secret", "api_key", "api-key", "apikey", "x-api-key", "private_key",
        "signing_key", "bootstrap_key", "token", "access_token", "refresh-token", "jwt", "credentials",
        "passphrase",
    ],
)  # fmt: skip
def test_a_field_that_is_named_as_a_secret_is_replaced(name: str) -> None:
    assert redact(None, "", {name: "value"}) == {name: REDACTED}
    assert redact(None, "", {"headers": {name: ["value"]}}) == {"headers": {name: REDACTED}}


@pytest.mark.parametrize("name", ["prompt_tokens", "max_tokens", "key_id", "tokens", "monkey", "tokenizer"])
def test_a_field_that_only_sounds_like_one_stays(name: str) -> None:
    assert redact(None, "", {name: 7}) == {name: 7}


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("key ck_ab12_S3cr-et_x failed", "key ck_ab12_[redacted] failed"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [redacted]"),
        ("bearer ck_ab12_secret", "bearer [redacted]"),
        ("Basic dXNlcjpwYXNz", "Basic [redacted]"),
        ("got eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln", "got [redacted]"),
        ("postgresql://user:hunter2@db:5432/x", "postgresql://user:[redacted]@db:5432/x"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----.", "[redacted]."),
        ("-----BEGIN EC PRIVATE KEY-----\nabc", "[redacted]"),
        ("GET http://127.0.0.1:8080/models/a@b", "GET http://127.0.0.1:8080/models/a@b"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("a checkpoint of 3 tokens", "a checkpoint of 3 tokens"),
    ],
)
def test_what_looks_like_a_secret_is_cut_out(text: str, safe: str) -> None:
    assert redact_text(text) == safe


@given(
    before=st.text(max_size=20),
    secret=st.text(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=43, max_size=43
    ),
    after=st.text(max_size=20),
)
def test_no_api_key_survives_anywhere(before: str, secret: str, after: str) -> None:
    text = f"{before} ck_0123456789abcdef_{secret} {after}"
    event: dict[str, Any] = {
        "event": text,
        "deep": {"list": [text, (text, {text})]},
        "object": ValueError(text),
    }
    assert secret not in repr(redact(None, "", event))


def test_long_and_wide_values_are_cut() -> None:
    event = redact(None, "", {"text": "x" * 100_000, "items": list(range(100_000))})
    assert len(event["text"]) < 17_000
    assert event["text"].endswith("(100000 characters)")
    assert len(event["items"]) == 256


def test_redaction_is_linear_in_hostile_text() -> None:
    hostile = "://:" * 4096 + "eyJ" * 4096 + "-----BEGIN " * 1000 + "Bearer " * 2000
    assert len(redact_text(hostile)) < 20_000


def test_what_cannot_be_shown_becomes_its_class_and_odd_numbers_become_text() -> None:
    class Unshowable:
        def __repr__(self) -> str:
            raise RuntimeError

    nested: list[Any] = []
    nested.append(nested)
    event = redact(None, "", {"value": Unshowable(), "nested": nested, "nan": math.nan})
    assert event["value"] == "<Unshowable>"
    assert event["nan"] == "nan"
    assert json.dumps(event, allow_nan=False).count("[") < 40
