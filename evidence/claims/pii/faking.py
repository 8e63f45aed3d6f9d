"""Faker, of the version that the list of packages names, so that a seed always makes the same texts."""

import sys
from functools import cache
from importlib import import_module
from random import Random
from typing import Any
from zipfile import ZipFile

from evidence.claims.guard.packages import fetched, table
from evidence.performance.engines.process import ROOT

_NATIONS = "presidio_evaluator/data_generator/raw_data/nationalities.csv"
_IBANS = ("de_DE", "fr_FR", "en_GB", "it_IT", "nl_NL", "pl_PL", "es_ES")
_ALSO = {"person": "name", "organization": "company"}
_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%B %d, %Y")


class Faking:
    """Values of template fields, in the manner of a country."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self._by_locale = {locale: _faker(locale) for locale in ("en_US", *_IBANS)}
        for place, faker in enumerate(self._by_locale.values()):
            faker.seed_instance(seed * 1000 + place)

    def value(self, field: str, locale: str) -> str:
        """``locale`` is ``en_US`` or ``en_GB``."""
        if own := getattr(self, f"_{field}", None):
            return str(own(self._by_locale[locale]))
        name = _ALSO.get(field, field)
        faker = self._by_locale[locale]
        return str(getattr(faker if hasattr(faker, name) else self._by_locale["en_US"], name)())

    def _email(self, faker: Any) -> Any:
        return self.chance.choice((faker.email, faker.free_email, faker.company_email))()

    def _credit_card_number(self, faker: Any) -> Any:
        return self._in_fours(faker.credit_card_number())

    def _iban(self, _: Any) -> Any:
        return self._in_fours(self._by_locale[self.chance.choice(_IBANS)].iban())

    def _ip_address(self, faker: Any) -> Any:
        return faker.ipv4() if self.chance.random() < 0.8 else faker.ipv6()

    def _date_of_birth(self, faker: Any) -> Any:
        return faker.date_of_birth().strftime(self.chance.choice(_DATES))

    def _date_time(self, faker: Any) -> Any:
        return faker.date_time().strftime(self.chance.choice(_DATES))

    def _age(self, _: Any) -> Any:
        return self.chance.randint(1, 99)

    def _us_driver_license(self, faker: Any) -> Any:
        return faker.bothify("?#######").upper()

    def _nationality(self, _: Any) -> Any:
        return self.chance.choice(_nations())["nationality"]

    def _nation_woman(self, _: Any) -> Any:
        return self.chance.choice(_nations())["woman"]

    def _nation_plural(self, _: Any) -> Any:
        return self.chance.choice(_nations())["plural"]

    def _in_fours(self, number: str) -> str:
        """As it is printed, for a half of them."""
        if self.chance.random() < 0.5:
            return number
        return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


@cache
def _nations() -> list[dict[str, str]]:
    return table("presidio-evaluator", _NATIONS)


@cache
def _made() -> Any:
    folder = ROOT / ".cache" / "evidence" / "faker"
    with ZipFile(next(fetched().glob("faker-*.whl"))) as opened:
        opened.extractall(folder)
    sys.path.insert(0, str(folder))
    return import_module("faker").Faker


def _faker(locale: str) -> Any:
    return _made()(locale)
