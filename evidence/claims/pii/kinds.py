"""What is looked for: names of our scorers' categories, and what stands for them elsewhere."""

import ipaddress
from collections.abc import Callable, Mapping

import phonenumbers

PHONE, IP = "phone", "ip_address"
CLAIMED = ("email", "payment_card", "iban", PHONE, IP, "us_ssn")
"""What patterns find."""
NAMED = ("person", "location", "group", "date")
"""What patterns do not claim to find; the scorer ``presidio`` does."""

FIELDS: Mapping[str, str] = {
    "email": "email", "credit_card_number": "payment_card", "iban": "iban", "phone_number": PHONE,
    "ip_address": IP, "ssn": "us_ssn",
    **dict.fromkeys(
        ("person", "name", "name_male", "name_female", "first_name", "first_name_male", "first_name_female",
         "first_name_nonbinary", "last_name", "last_name_male", "last_name_female"), "person"
    ),
    **dict.fromkeys(("city", "country", "state_abbr"), "location"),
    **dict.fromkeys(("nationality", "nation_woman", "nation_plural"), "group"),
    **dict.fromkeys(("date_time", "date_of_birth", "day_of_week", "year"), "date"),
    **dict.fromkeys(
        ("address", "street_name", "building_number", "secondary_address", "postcode", "zipcode"), "address"
    ),
    "age": "age",
}  # fmt: skip
"""What the fields of templates are; others are nothing that is looked for."""
ASIDE: Mapping[str, frozenset[str]] = {"location": frozenset({"address"}), "date": frozenset({"age"})}
"""Findings in what is neither right nor wrong: a city in an address is a place, and not a span of its own."""
PRESIDIO: Mapping[str, str] = {
    "EMAIL_ADDRESS": "email", "CREDIT_CARD": "payment_card", "IBAN_CODE": "iban", "PHONE_NUMBER": PHONE,
    "IP_ADDRESS": IP, "US_SSN": "us_ssn",
}  # fmt: skip
"""Presidio's names."""


def number_in_use(text: str, region: str) -> bool:
    """Whether somebody could have this number: its country's plan knows it."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def in_a_public_network(text: str, region: str) -> bool:
    return ipaddress.ip_address(text).is_global


POSSIBLE: Mapping[str, tuple[str, Callable[[str, str], bool]]] = {
    PHONE: ("numbers that somebody could have", number_in_use),
    IP: ("addresses in public networks", in_a_public_network),
}
"""What is filled in by chance is often nobody's: of these the recall is told apart."""
