from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, InvalidArgument, PermissionDenied
from colonnade.security.outbound import Allowed

ALLOWED = Allowed.parse(
    "https://models.example.com, https://*.example.org:8443 http+private://127.0.0.1:*,http://[2606:4700::1111]",
    "COLONNADE_REGISTRY_IMPORT_URLS",
)


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("https://models.example.com/a/b.gguf?x=1", "models.example.com", "/a/b.gguf?x=1"),
        ("https://MODELS.example.com.:443", "models.example.com", "/"),
        ("https://a.b.example.org:8443/x", "a.b.example.org:8443", "/x"),
        ("http://127.0.0.1:9000/x", "127.0.0.1:9000", "/x"),
        ("http://[2606:4700:0::1111]/x", "[2606:4700::1111]", "/x"),
        ("https://models.example.com?x", "models.example.com", "/?x"),
    ],
)
def test_what_fits_a_pattern_is_allowed(url: str, authority: str, target: str) -> None:
    place = ALLOWED.place(url)
    assert (place.authority, place.target) == (authority, target)


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example.com/",  # another scheme
        "https://models.example.com:444/",
        "https://models.example.com.evil.net/",
        "https://example.org:8443/",  # not below itself
        "https://badexample.org:8443/",
        "https://.example.org:8443/",
        "http://127.0.0.2/",
        "https://other.net/",
    ],
)
def test_nothing_else_is(url: str) -> None:
    with pytest.raises(ColonnadeError) as refused:
        ALLOWED.place(url)
    assert refused.value.details["field"] == "url"


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/",
        "http://0x7f.0.0.0x1/", "http://127.0.0.1.0x/", "http://[::1%25lo]/", "http://[::1/", "http://256.1.1.1/",
        "http://user:secret@127.0.0.1/", "http://127.0.0.1@models.example.com/", "http://@127.0.0.1/",
        "ftp://127.0.0.1/", "file:///etc/passwd", "http:/127.0.0.1", "//127.0.0.1/", "127.0.0.1", "",
        "http://127.0.0.1/ x", "http://127.0.0.1/\r\nHost: x", "http://127.0.0.1\\@models.example.com/",
        "http://127.0.0.1/#fragment", "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:/",
        "http://ex\u00e4mple.com/", "http://\uff11\uff12\uff17.0.0.1/", "http://a..b/", "http://-a.b/",
        f"http://127.0.0.1/{'x' * 3000}", f"http://{'a' * 64}.example.com/",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused_as_such(url: str) -> None:
    with pytest.raises(InvalidArgument):
        ALLOWED.place(url)


def test_an_empty_list_allows_nothing_and_the_refusal_names_the_setting() -> None:
    nothing = Allowed.parse("", "COLONNADE_REGISTRY_IMPORT_URLS")
    assert not nothing
    with pytest.raises(PermissionDenied, match="COLONNADE_REGISTRY_IMPORT_URLS"):
        nothing.place("https://models.example.com/")


def test_every_public_host_can_be_allowed() -> None:
    place = Allowed.parse("https://*").place("https://anything.example/x")
    assert not place.private
    assert Allowed.parse("http+private://127.0.0.1:*").place("http://127.0.0.1:1/").private


@pytest.mark.parametrize(
    "text", ["models.example.com", "ftp://a.b", "https://a.b/path", "https://u@a.b", "https://*a.b", "https://",
             "https://a.b:0", "https://a.b:99999", "https+public://a.b", "https://a.*.b", "http://0x7f.1"],
)  # fmt: skip
def test_a_pattern_that_says_nothing_clear_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Allowed.parse(text)


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-z0-9.:@\[\]%/\\-]{0,40}", fullmatch=True))
def test_whatever_passes_is_what_was_allowed(url: str) -> None:
    with suppress(ColonnadeError):
        host = ALLOWED.place(url).host
        listed = {"models.example.com", "127.0.0.1", "[2606:4700::1111]"}
        assert host in listed or host.endswith(".example.org")
