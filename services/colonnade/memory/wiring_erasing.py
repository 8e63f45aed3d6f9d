"""Erasing as the settings say: who is asked, who carries it out, and who looks after it later."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

from colonnade.memory.adapters.erase_calls import ServiceEraser
from colonnade.memory.adapters.sql_erasures import SqlErasures
from colonnade.memory.adapters.sql_leases import SqlLeases
from colonnade.memory.adapters.tombstones import KeptTwice
from colonnade.memory.ports import Eraser
from colonnade.memory.service.erasing.asking import Asking
from colonnade.memory.service.erasing.carrying import Carrying
from colonnade.memory.service.erasing.secrets import Secrets
from colonnade.memory.service.erasing.watching import Watching
from colonnade.memory.service.upkeep.duties import Duty, Upkeep
from colonnade.memory.settings import MemorySettings
from colonnade.memory.wiring import own_name
from colonnade.rpc import Identity, Peer
from colonnade.security.audit import Trail
from colonnade.security.envelope import Keyring
from colonnade.security.own_files import made_once
from colonnade.security.seals import open_signing_key
from colonnade.storage.sql import Database

_EVERY_SECONDS = 1.0
"""It is looked for steps that are due again."""


class Erasing:
    """``asking`` serves people, ``upkeep`` does the work: under a lease of its own, beside other work."""

    def __init__(
        self,
        settings: MemorySettings,
        database: Database,
        erasers: Mapping[str, Eraser],
        trail: Trail,
        tidy: Callable[[], None],
    ) -> None:
        """``tidy`` is called when a name has been deleted."""
        folder = settings.erasures
        kept = _secrets(settings)
        key = open_signing_key(folder / "receipt-key.pem")
        erasures = SqlErasures(database)
        tombstones = KeptTwice(database, folder / "tombstones.jsonl")
        self.asking = asking = Asking(
            erasures, tombstones, kept, trail, self._wake,
            services=settings.erasers, public_key=key.public,
        )  # fmt: skip
        carrying = Carrying(
            erasures, tombstones, erasers, kept, key, trail, tidy,
            settle_seconds=settings.erase_settle_seconds,
        )  # fmt: skip
        watching = Watching(asking, erasures, tombstones, erasers, kept)
        duties = (
            Duty("erase", carrying.turn, _EVERY_SECONDS),
            Duty("watch", watching.turn, settings.erase_look_seconds),
        )
        name = own_name(settings.data / "memory-id")
        leases = SqlLeases(database, "erasing")
        self.upkeep = Upkeep(duties, leases, name, lease_seconds=settings.lease_seconds)

    def _wake(self) -> None:
        self.upkeep.wake("erase")


async def erasers_of(
    settings: MemorySettings, identity: Identity, own: Eraser, stack: AsyncExitStack
) -> Mapping[str, Eraser]:
    """By name, in their order."""
    found: dict[str, Eraser] = {}
    for name in settings.erasers:
        if name == settings.service:
            found[name] = own
            continue
        peer = Peer(name, settings.address_of(name), identity)
        found[name] = ServiceEraser(await stack.enter_async_context(peer))
    return found


def _secrets(settings: MemorySettings) -> Secrets:
    path = settings.erasures / "mark-key"
    made_once(path, lambda: secrets.token_bytes(32))
    names = Keyring.opened(settings.erasures / "name-keys", "the keys in COLONNADE_MEMORY_ERASURES_DIR")
    return Secrets(path.read_bytes(), names)
