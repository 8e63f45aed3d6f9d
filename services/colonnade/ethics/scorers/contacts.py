"""How somebody is reached: e-mail addresses, phone numbers, network addresses."""

import ipaddress
from collections.abc import Sequence

import phonenumbers

from colonnade.ethics.scorers.patterns import Part, Pattern, PatternScorer, beginnings

_EMAIL = r"[A-Za-z0-9_][A-Za-z0-9_.%+'-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
_IPV4 = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])"
_IPV6 = r"(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?![0-9A-Za-z])"
_INTERNATIONAL = r"\+[ ]?[1-9](?:[ ().\-/]{0,3}[0-9]){6,14}(?![0-9])"
_NATIONAL = r"\(?[0-9](?:[ ().\-/]{0,3}[0-9]){5,13}(?![0-9A-Za-z]|[.\-/][0-9])"


def email_scorer() -> PatternScorer:
    return PatternScorer(
        "email",
        [
            Pattern(
                "email", _EMAIL, 64 + 1 + 8 * 64 + 25, 0.95, "an e-mail address", before="(?<![A-Za-z0-9_])"
            )
        ],
    )


def phone_scorer(regions: Sequence[str] = ("US", "GB")) -> PatternScorer:
    """Numbers with a country code, and those that are written as numbers of these regions (ISO 3166) are."""

    def national(text: str) -> Part | None:
        return next((part for region in regions if (part := _national(text, region))), None)

    return PatternScorer(
        "phone",
        [
            Pattern("phone", _INTERNATIONAL, 64, 0.95, "a phone number", _international, "(?<![0-9A-Za-z+])"),
            Pattern("phone", _NATIONAL, 58, 0.75, "a phone number", national, r"(?<![0-9A-Za-z+.\-/])"),
        ],
    )


def ip_scorer() -> PatternScorer:
    return PatternScorer(
        "ip",
        [
            Pattern("ip_address", _IPV4, 17, 0.9, "an IP address", _ip, "(?<![0-9.])"),
            Pattern("ip_address", _IPV6, 45, 0.9, "an IP address", _ip, "(?<![0-9A-Za-z:.])"),
        ],
    )


def _ip(text: str) -> Part | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.is_global:
        return Part(0, len(text), 0.9, "a public IP address")
    return Part(0, len(text), 0.4, "an IP address of no public network")


def _international(text: str) -> Part | None:
    for end, digits in beginnings(text, 7):
        if _valid("+" + digits):
            return Part(0, end, 0.95, "a phone number with its country code")
    return None


def _valid(number: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _national(text: str, region: str) -> Part | None:
    """Only where it is grouped as numbers there are: a bare number may be anything."""
    if text.isdigit():
        return None
    strict = phonenumbers.Leniency.STRICT_GROUPING
    for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=strict):
        return Part(match.start, match.end, 0.75, f"a phone number as written in {region}")
    return None
