"""What all rooms stand on: the database, the blobs, the audit trail, the keys that sign and seal."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from colonnade.registry.adapters.key_pair import KeyPair
from colonnade.registry.adapters.loading import check_whole
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.owners import Owners
from colonnade.registry.settings import RegistrySettings
from colonnade.security.audit import AuditLog
from colonnade.security.envelope import Keyring
from colonnade.security.own_files import made_once
from colonnade.storage.blobs import BlobStore, open_blobs
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database


@dataclass(frozen=True, slots=True)
class Ground:
    settings: RegistrySettings
    name: str
    """Of this registry among those that share its database, whichever process runs it."""
    database: Database
    blobs: BlobStore
    trail: AuditLog
    sealer: KeyPair
    keys: Keyring
    versions: SqlVersionStore
    owners: Owners


@asynccontextmanager
async def laid(settings: RegistrySettings) -> AsyncIterator[Ground]:
    """The ground of the only registry of this home: the audit log's lock sees to that."""
    with closing(settings.opened_audit()) as trail:
        database = database_of(settings)
        try:
            await check_whole(database)
            await migrate(database, "colonnade.registry")
            blobs = open_blobs(settings.blobs, max_blob_bytes=settings.max_blob_bytes)
            await blobs.check()
            await blobs.sweep()
            password = settings.signing_key_password.get_secret_value()
            sealer = KeyPair.opened(settings.signing_key, password, settings.own_signing_key)
            keys = await asyncio.to_thread(keys_of, settings)
            versions = SqlVersionStore(database, sealer)
            name = await asyncio.to_thread(_own_name, settings.data / "registry-id")
            yield Ground(settings, name, database, blobs, trail, sealer, keys, versions, Owners(versions))
        finally:
            await database.close()


def _own_name(path: Path) -> str:
    made_once(path, uuid.uuid4().hex.encode)
    return path.read_text().strip()


def keys_of(settings: RegistrySettings) -> Keyring:
    """What secrets in the database are sealed with: out of a file that is named, or of the registry's own."""
    named = settings.encryption_key_file
    if named is not None:
        return Keyring.read(named.expanduser(), "COLONNADE_REGISTRY_ENCRYPTION_KEY_FILE")
    return Keyring.opened(settings.own_encryption_keys, "encryption-keys in the registry's data folder")


def database_of(settings: RegistrySettings) -> Database:
    connections = settings.database_connections
    return Database(settings.database, connections=connections, setting="COLONNADE_REGISTRY_DATABASE_URL")
