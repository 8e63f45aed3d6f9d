"""``python -m colonnade.registry.offline restore|verify``: what is done to a registry that does not run.

One line of JSON a step on standard output; status 2, and one line that says why, where it is refused. What is
read and where it goes to is said as to the registry: ``COLONNADE_HOME``, ``COLONNADE_REGISTRY_DATABASE_URL``,
``COLONNADE_BLOBS_URL``.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncGenerator, Container, Sequence
from contextlib import aclosing, closing
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from colonnade.errors import ColonnadeError, Conflict
from colonnade.registry.adapters.loading import SqlLoad
from colonnade.registry.adapters.places import open_place
from colonnade.registry.adapters.sql_webhooks import SqlWebhookStore
from colonnade.registry.backups.keeping import listed
from colonnade.registry.backups.listing import FOLDER, BackupList, is_name
from colonnade.registry.backups.restoring import Restored, restored, verified
from colonnade.registry.backups.taking import Destination
from colonnade.registry.events.secrets import keys_needed
from colonnade.registry.settings import RegistrySettings
from colonnade.registry.wiring.ground import keys_of
from colonnade.security.audit import AuditLog, privileged
from colonnade.security.identity import Principal
from colonnade.storage.blobs import open_blobs
from colonnade.storage.sql import Database

_REFUSED = 2
_PRINCIPAL = Principal.service("registry")


async def verify(source: str) -> AsyncGenerator[Restored]:
    """Every part of a backup, by its digest."""
    with tempfile.TemporaryDirectory(prefix="colonnade-verify-") as cache:
        there, listing = await _opened(source, Path(cache))
        async with aclosing(verified(there, listing)) as steps:
            async for step in steps:
                yield step


async def restore(source: str, settings: RegistrySettings) -> AsyncGenerator[Restored]:
    """Into the registry that the settings say, which must be empty and not run: its audit log is locked."""
    setting = "COLONNADE_REGISTRY_DATABASE_URL"
    keys = _keys_there(settings)
    with (
        tempfile.TemporaryDirectory(prefix="colonnade-restore-") as cache,
        closing(_own_trail(settings)) as trail,
    ):
        there, listing = await _opened(source, Path(cache))
        database = Database(settings.database, setting=setting)
        blobs = open_blobs(settings.blobs, max_blob_bytes=settings.max_blob_bytes)
        facts = {"backup": listing.name, "digest": listing.digest}
        try:
            async with (
                privileged(trail, "registry.restore", _PRINCIPAL, acknowledge=True, **facts),
                aclosing(restored(there, listing, SqlLoad(database), blobs)) as steps,
            ):
                async for step in steps:
                    yield step
            await _say_what_is_missing(database, keys)
        finally:
            await database.close()


def _keys_there(settings: RegistrySettings) -> Container[str]:
    """Makes none: a new file would lie where the one of the old home belongs."""
    none = settings.encryption_key_file is None and not settings.own_encryption_keys.exists()
    return () if none else keys_of(settings)


async def _say_what_is_missing(database: Database, keys: Container[str]) -> None:
    needed = await keys_needed(SqlWebhookStore(database))
    if missing := sorted(key for key in needed if key not in keys):
        sys.stderr.write(
            "Secrets of webhooks are sealed with a key that is in no backup, and not here: "
            f"{', '.join(missing)}. Before the start, copy data/registry/encryption-keys of the old home to "
            "this one, or name such a file in COLONNADE_REGISTRY_ENCRYPTION_KEY_FILE. "
            "Without it these webhooks are not told.\n"
        )


def _own_trail(settings: RegistrySettings) -> AuditLog:
    try:
        return settings.opened_audit()
    except Conflict as error:
        raise Conflict("the registry of this home runs; stop it first: `colonnade down`") from error


async def _opened(source: str, cache: Path) -> tuple[Destination, BackupList]:
    """A place, or one of its backups: ``PLACE`` or ``PLACE/backups/NAME``."""
    place, _, name = source.rstrip("/").rpartition("/")
    if is_name(name):
        place = place.removesuffix(f"/{FOLDER}")
    else:
        place, name = source, ""
    there = open_place(place, cache)
    return there, await listed(there.place, name)


async def _shown(steps: AsyncGenerator[Restored]) -> None:
    async with aclosing(steps):
        async for step in steps:
            sys.stdout.write(json.dumps(asdict(step)) + "\n")
            sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m colonnade.registry.offline", description=__doc__)
    parser.add_argument("act", choices=["restore", "verify"])
    parser.add_argument("source")
    options = parser.parse_args(arguments)
    try:
        steps = (
            verify(options.source) if options.act == "verify" else restore(options.source, RegistrySettings())
        )
        asyncio.run(_shown(steps))
    except (ColonnadeError, ValidationError) as error:
        said = error.message if isinstance(error, ColonnadeError) else str(error)
        sys.stderr.write(f"{said}\n")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
