"""Numbers with check digits: payment cards (ISO/IEC 7812), bank accounts (ISO 13616), US social security."""

import re

from stdnum import iban, luhn
from stdnum.iso7064 import mod_97_10
from stdnum.us import ssn

from colonnade.ethics.scorers.patterns import Part, Pattern, PatternScorer, beginnings

_GAP = r"[ \t.\-_/]{0,2}"
"""What may stand between two digits of one number, however it is spaced out."""

_ISSUERS = (
    ("Visa", re.compile(r"4"), {13, 16, 19}),
    ("Mastercard", re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),
    ("American Express", re.compile(r"3[47]"), {15}),
    ("Discover", re.compile(r"6011|64[4-9]|65"), {16, 19}),
    ("Diners Club", re.compile(r"30[0-5]|309|36|3[89]"), {14, 16, 19}),
    ("JCB", re.compile(r"35(?:2[89]|[3-8])"), {16, 19}),
    ("UnionPay", re.compile(r"62"), {16, 17, 18, 19}),
    ("Mir", re.compile(r"220[0-4]"), {16, 19}),
    ("Maestro", re.compile(r"50[0-9]{2}|5[6-9]|6304|67"), {13, 15, 16, 18, 19}),
)


def card_scorer() -> PatternScorer:
    expression = rf"[2-6](?:{_GAP}[0-9]){{12,18}}(?![0-9])"
    return PatternScorer(
        "card", [Pattern("payment_card", expression, 56, 0.99, "a payment card number", _card, "(?<![0-9])")]
    )


def iban_scorer() -> PatternScorer:
    expression = rf"[A-Za-z]{{2}}{_GAP}[0-9]{_GAP}[0-9](?:{_GAP}[A-Za-z0-9]){{11,30}}(?![A-Za-z0-9])"
    return PatternScorer(
        "iban", [Pattern("iban", expression, 101, 0.99, "a bank account number", _iban, "(?<![A-Za-z0-9])")]
    )


def ssn_scorer() -> PatternScorer:
    expression = r"[0-9]{3}(?:-[0-9]{2}-| [0-9]{2} )[0-9]{4}(?![0-9-])"
    return PatternScorer(
        "ssn", [Pattern("us_ssn", expression, 12, 0.85, "a US social security number", _ssn, "(?<![0-9-])")]
    )


def _card(text: str) -> Part | None:
    for end, digits in beginnings(text, 13):
        issuer = _issuer(digits)
        if issuer and luhn.is_valid(digits) and len(set(digits)) > 1:
            return Part(0, end, 0.99, f"a payment card number ({issuer}, its check digit is right)")
    return None


def _issuer(digits: str) -> str:
    return next(
        (name for name, prefix, lengths in _ISSUERS if len(digits) in lengths and prefix.match(digits)), ""
    )


def _iban(text: str) -> Part | None:
    for end, characters in beginnings(text, 15):
        # The check digits first: most candidates are words, and the whole check is slow.
        if mod_97_10.is_valid(characters[4:] + characters[:4]) and iban.is_valid(characters):
            country = characters[:2].upper()
            return Part(
                0, end, 0.99, f"a bank account number (IBAN of {country}, its check digits are right)"
            )
    return None


def _ssn(text: str) -> Part | None:
    valid = ssn.is_valid(text.replace(" ", "-"))
    return Part(0, len(text), 0.85, "a US social security number") if valid else None
