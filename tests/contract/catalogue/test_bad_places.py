"""Names and numbers that nothing can have are refused in words, whatever a database would say of them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from colonnade.errors import InvalidArgument, NotFound
from colonnade.registry.adapters.key_pair import KeyPair
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.adapters.sql_evaluations import SqlEvaluationStore
from colonnade.registry.adapters.sql_lineage import SqlLineageStore
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.adapters.sql_seals import SqlSealStore
from colonnade.registry.catalogue.service import Catalogue
from colonnade.registry.domain import Target
from colonnade.registry.evaluations import Measured
from colonnade.registry.evaluations.service import Evaluations
from colonnade.registry.lineage.service import Lineage, Question, Said
from colonnade.registry.owners import Owners
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.policies import policies_in
from colonnade.registry.rollouts.service import Order, Rollouts, Seen
from colonnade.registry.seals.service import Seals
from colonnade.registry.service import Registry
from colonnade.security.seals import SigningKey
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS
from tests.unit.registry.fakes import ENGINEER, MemoryTrail, draft

NUL, NOTHING = "ro_\0", Observed()
DIGEST = f"sha256:{0:064x}"


class House:
    """The registry's use cases on one database."""

    def __init__(self, database: Database) -> None:
        self.versions, trail = SqlVersionStore(database), MemoryTrail()
        owners, key = Owners(self.versions), KeyPair(SigningKey.generate())
        self.registry = Registry(self.versions, trail)
        self.catalogue = Catalogue(SqlCatalogueStore(database), owners, trail)
        self.evaluations = Evaluations(SqlEvaluationStore(database), self.versions, owners, trail)
        self.lineage = Lineage(SqlLineageStore(database), self.versions, owners, trail)
        self.seals = Seals(SqlSealStore(database, key), key, trail, owners)
        self.rollouts = Rollouts(
            SqlRolloutStore(database), self.versions, trail, policies_in(None), default_policy="gates"
        )


Ask = Callable[[House], Awaitable[Any]]
OF_NUMBERS: dict[str, Callable[[House, int], Awaitable[Any]]] = {
    "resolve": lambda house, number: house.registry.resolve(f"smol:{number}"),
    "alias": lambda house, number: house.registry.set_alias("smol", "x", [Target(number, 100)], ENGINEER),
    "rollout": lambda house, number: house.rollouts.start(Order("smol", number), ENGINEER),
    "version": lambda house, number: house.catalogue.get_version("smol", number),
    "deletion": lambda house, number: house.catalogue.delete_version("smol", number, ENGINEER),
    "evaluations": lambda house, number: house.evaluations.page("smol", number),
    "evaluation": lambda house, number: house.evaluations.record(
        Measured("smol", number, "suite", {"loss": 1.0}), ENGINEER
    ),
    "lineage": lambda house, number: house.lineage.trace(Question(Said("reference", f"smol:{number}"))),
    "seal": lambda house, number: house.seals.get("smol", number),
    "shown": lambda house, number: house.seals.shown(DIGEST, "smol", number),
    "signature": lambda house, number: house.seals.sign("smol", number, ENGINEER),
}
OF_NAMES: dict[str, Ask] = {
    "rollout": lambda house: house.rollouts.get(NUL),
    "rollouts": lambda house: house.rollouts.page(page_token=NUL),
    "change": lambda house: house.rollouts.change(NUL, "pause", ENGINEER),
    "report": lambda house: house.rollouts.report("gateway", [Seen(NUL, "canary", NOTHING, NOTHING)]),
    "phase": lambda house: house.rollouts.report("gateway", [Seen("ro_1", NUL, NOTHING, NOTHING)]),
    "instance": lambda house: house.rollouts.report(NUL, []),
    "evaluations": lambda house: house.evaluations.page("smol", 1, page_token=NUL),
}


@pytest.fixture(params=KINDS)
async def house(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> House:
    house = House(opened(request.param, "colonnade.registry"))
    await house.versions.register(draft("smol", 1), alias="")
    return house


async def test_numbers_that_no_version_has(house: House) -> None:
    for number in (2, 2**31 - 1, 2**31, 2**53):
        for name, ask in OF_NUMBERS.items():
            with pytest.raises((NotFound, InvalidArgument), match="version"):
                raise AssertionError(f"{name} {number}: {await ask(house, number)}")


async def test_names_that_nothing_has(house: House) -> None:
    for name, ask in OF_NAMES.items():
        with pytest.raises(InvalidArgument, match="NUL"):
            raise AssertionError(f"{name}: {await ask(house)}")


async def test_a_name_that_was_given_up_says_the_one_of_now(house: House) -> None:
    await house.catalogue.rename_model("smol", "tiny", ENGINEER)
    await house.catalogue.rename_model("tiny", "mini", ENGINEER)
    asks: list[Awaitable[Any]] = [
        house.registry.get_model("smol"),
        house.registry.resolve("smol:1"),
        house.registry.resolve("tiny"),
        house.catalogue.get_version("smol", 1),
        house.catalogue.rename_model("smol", "x", ENGINEER),
    ]
    for ask in asks:
        with pytest.raises(NotFound, match="was renamed to mini"):
            await ask
    assert await house.versions.find_new_name("mini") == await house.versions.find_new_name("x") == ""
