"""Secrets of webhooks lie sealed; without their key nothing is sent, and it is said why."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from colonnade.errors import Conflict
from colonnade.registry.adapters.webhook_tables import WEBHOOKS
from colonnade.registry.events.messages import new_secret
from colonnade.registry.events.secrets import WebhookSecrets
from colonnade.registry.events.webhook import Webhook
from colonnade.security.envelope import KeyMissing, Keyring, NotWhole, key_of
from tests.unit.registry.events.stores import KEYS, SECRETS, Kept, kept
from tests.unit.registry.fakes import START

OTHER = b"o" * 32
HOOK = Webhook("wh_1", "acme", "https://a", (), (), "", START, "acme/eve")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(tmp_path) as house:
        yield house


async def add(house: Kept, number: int, sealed: str = "") -> Webhook:
    hook = replace(HOOK, id=f"wh_{number}", created_at=START + timedelta(seconds=number))
    hook = replace(hook, sealed=sealed or SECRETS.seal(hook, f"whsec_{number}"))
    return await house.webhooks.add(hook, 0, None, most=9)


async def all_of(house: Kept) -> list[Webhook]:
    return list((await house.webhooks.all(""))[0])


def test_a_secret_belongs_to_its_webhook_and_to_where_that_leads() -> None:
    mine = replace(HOOK, sealed=SECRETS.seal(HOOK, new_secret()))
    assert SECRETS.open(mine).startswith("whsec_")
    for moved in (replace(mine, id="wh_2"), replace(mine, url="https://evil")):
        with pytest.raises(NotWhole):
            SECRETS.open(moved)


async def test_what_was_kept_as_it_is_gets_sealed_at_the_start(house: Kept) -> None:
    plain, sealed = await add(house, 1, "whsec_old"), await add(house, 2)
    await SECRETS.adopt(house.webhooks)
    first, second = await all_of(house)
    assert SECRETS.open(first) == "whsec_old"
    assert "whsec_old" not in first.sealed
    assert (plain.id, second) == (first.id, sealed)
    await SECRETS.adopt(house.webhooks)
    assert await all_of(house) == [first, second]


async def test_a_new_first_key_takes_over_and_the_old_one_may_go(house: Kept) -> None:
    await add(house, 1)
    await WebhookSecrets(Keyring([OTHER, b"k" * 32], "F")).adopt(house.webhooks)
    (found,) = await all_of(house)
    alone = Keyring([OTHER], "F")
    assert key_of(found.sealed) == alone.first
    assert WebhookSecrets(alone).open(found) == "whsec_1"


async def test_without_its_key_it_stays_as_it_is_and_the_others_are_seen_to(house: Kept) -> None:
    """As of a database that was restored into a home with a key of its own."""
    lost, _ = await add(house, 1), await add(house, 2, "whsec_old")
    elsewhere = WebhookSecrets(Keyring([OTHER], "THE_KEY_FILE"))
    await elsewhere.adopt(house.webhooks)
    first, second = await all_of(house)
    assert first == lost
    assert elsewhere.open(second) == "whsec_old"
    with pytest.raises(KeyMissing, match=f"{KEYS.first}.*THE_KEY_FILE"):
        elsewhere.open(first)


async def test_what_was_put_there_by_hand_opens_nothing(house: Kept) -> None:
    await add(house, 1)
    async with house.database.engine.begin() as connection:
        await connection.execute(update(WEBHOOKS).values(secret="whsec_of_mine"))
    (found,) = await all_of(house)
    with pytest.raises(Conflict):
        SECRETS.open(found)
