"""A key for each person that an audit log speaks of, beside that log. Whose key is destroyed is erased there.

The file begins with a head of 512 bytes, in which is the file's own secret, sealed with the key-encryption
key where one is set. Slots of 128 bytes follow, one a person:

    mark 4 | lookup 32 | id 16 | nonce 12 | wrapped key 48 | checksum 16

``lookup`` is an HMAC of tenant and subject under the file's secret, so that no list of names remains; ``id``
is drawn at random and stands in records, so that after an erasure nothing can be confirmed by guessing a
name. A slot whose checksum does not hold, because its writer was killed or its key destroyed, is no key.
Destroying overwrites the whole slot in place; its id is noted elsewhere before, so that it is destroyed again
when it comes back with a backup.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from colonnade.errors import Unavailable
from colonnade.security.audit.destroyed import destroyed, note_destroyed
from colonnade.security.envelope import Keyring, is_sealed
from colonnade.security.own_files import made_once

_HEAD_BYTES, _SLOT_BYTES = 512, 128
_FORMAT = "colonnade.audit.keys/1"
_MARK = b"ck1\0"
_LOOKUP, _ID, _WRAPPED, _END = slice(4, 36), slice(36, 52), slice(52, 112), 112
_NONCE_BYTES = 12
_AT_HAND = 4096
"""Keys that are held unwrapped: those used last."""
_CONTEXT = "audit subject keys"
Whose = tuple[str, str]
"""Tenant and subject."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    id: str
    cipher: AESGCM
    usual: dict[str, str] = field(default_factory=dict)
    """What was sealed with it, and is said again and again."""


class SubjectKeys:
    """Close it. Not for several threads at once: the log that it belongs to sees to that."""

    def __init__(
        self,
        path: Path,
        keyring: Keyring | None = None,
        *,
        writes: bool = True,
        destroyed_file: Path | None = None,
    ) -> None:
        """Makes the file where there is none. Without ``writes`` it is only read, also while a writer has it.
        A writer notes in ``destroyed_file`` which keys it destroys, and destroys again those noted there.

        Raises ``Unavailable`` where it is damaged, and ``KeyMissing`` or ``NotWhole`` where ``keyring`` does
        not open it."""
        self._path, self._destroyed_file = path, destroyed_file
        if writes:
            made_once(path, lambda: _head(secrets.token_bytes(32), keyring))
        self._file = os.open(path, (os.O_RDWR if writes else os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self._secret = self._opened(keyring, renew=writes)
            self._wrapping = AESGCM(self._derived(b"wrap"))
            self._looking = self._derived(b"lookup")
            self._places: dict[bytes, int] = {}
            self._ids: dict[str, int] = {}
            self._end = self._read_slots(cut=writes)
            if writes:
                self._destroy_again()
        except BaseException:
            os.close(self._file)
            raise
        self._at_hand: OrderedDict[Whose, SubjectKey] = OrderedDict()
        self._unsynced = False

    def of(self, tenant: str, subject: str) -> SubjectKey:
        """The person's key; made where there is none. It is on the disk once ``sync`` has returned."""
        key = self._at_hand.get((tenant, subject))
        if key is not None:
            self._at_hand.move_to_end((tenant, subject))
            return key
        lookup = self._lookup(tenant, subject)
        place = self._places.get(lookup)
        key = None if place is None else self._key_at(place)
        if key is None:
            key = self._made(lookup)
        self._at_hand[tenant, subject] = key
        if len(self._at_hand) > _AT_HAND:
            self._at_hand.popitem(last=False)
        return key

    def find(self, key_id: str) -> SubjectKey | None:
        """The key that a record names; None where it was destroyed."""
        place = self._ids.get(key_id)
        return None if place is None else self._key_at(place)

    def destroy(self, tenant: str, subject: str) -> bool:
        """Whether there was a key. It is overwritten on the disk when this returns."""
        place = self._places.get(self._lookup(tenant, subject))
        if place is None:
            return False
        key_id = os.pread(self._file, _SLOT_BYTES, place)[_ID].hex()
        if self._destroyed_file:
            note_destroyed(self._destroyed_file, key_id)
        _write_at(self._file, bytes(_SLOT_BYTES), place)
        os.fsync(self._file)
        del self._places[self._lookup(tenant, subject)]
        self._ids.pop(key_id, None)
        self._at_hand.pop((tenant, subject), None)
        return True

    def sync(self) -> None:
        """What was made since the last time is on the disk when this returns."""
        if self._unsynced:
            os.fsync(self._file)
            self._unsynced = False

    def close(self) -> None:
        """Safe to call twice."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _opened(self, keyring: Keyring | None, *, renew: bool) -> bytes:
        head = os.pread(self._file, _HEAD_BYTES, 0)
        try:
            said = json.loads(head)
            secret, known = said["secret"], said["format"] == _FORMAT and len(head) == _HEAD_BYTES
        except (ValueError, TypeError, KeyError):
            known = False
        if not known:
            raise self._damaged()
        if not is_sealed(secret):
            opened = base64.b64decode(secret)
            stale = keyring is not None
        elif keyring is None:
            raise Unavailable(
                f"the keys of the audit log, {self._path.name}, are sealed; "
                "COLONNADE_AUDIT_ENCRYPTION_KEY_FILE must name the file of the key that opens them",
                field="COLONNADE_AUDIT_ENCRYPTION_KEY_FILE",
            )
        else:
            opened = keyring.open(secret, _CONTEXT)
            stale = keyring.renewed(secret, _CONTEXT) != secret
        if renew and stale:
            _write_at(self._file, _head(opened, keyring), 0)  # one sector: all of it or nothing
            os.fsync(self._file)
        return opened

    def _read_slots(self, *, cut: bool) -> int:
        size = os.fstat(self._file).st_size
        end = size - (size - _HEAD_BYTES) % _SLOT_BYTES
        if cut and end < size:
            os.ftruncate(self._file, end)  # its writer was killed before any record named it
        with os.fdopen(os.dup(self._file), "rb") as slots:
            slots.seek(_HEAD_BYTES)
            for place in range(_HEAD_BYTES, end, _SLOT_BYTES):
                slot = slots.read(_SLOT_BYTES)
                if _is_whole(slot):
                    self._places[slot[_LOOKUP]] = place
                    self._ids[slot[_ID].hex()] = place
        return end

    def _destroy_again(self) -> None:
        """What a backup brought back."""
        known = destroyed(self._destroyed_file) if self._destroyed_file else frozenset()
        if not (back := known & self._ids.keys()):
            return
        places = {self._ids.pop(key_id) for key_id in back}
        self._places = {lookup: place for lookup, place in self._places.items() if place not in places}
        for place in places:
            _write_at(self._file, bytes(_SLOT_BYTES), place)
        os.fsync(self._file)

    def _made(self, lookup: bytes) -> SubjectKey:
        key, key_id, nonce = secrets.token_bytes(32), secrets.token_bytes(16), secrets.token_bytes(12)
        body = _MARK + lookup + key_id + nonce + self._wrapping.encrypt(nonce, key, lookup + key_id)
        try:
            _write_at(self._file, body + _checksum(body), self._end)
        except OSError as error:
            raise Unavailable(f"the audit log's keys cannot be written ({error.strerror})") from error
        self._places[lookup] = self._ids[key_id.hex()] = self._end
        self._end += _SLOT_BYTES
        self._unsynced = True
        return SubjectKey(key_id.hex(), AESGCM(key))

    def _key_at(self, place: int) -> SubjectKey | None:
        """None for one that a writer has destroyed since this reader began, or that was changed."""
        slot = os.pread(self._file, _SLOT_BYTES, place)
        if not _is_whole(slot):
            return None
        wrapped, bound = slot[_WRAPPED], slot[_LOOKUP] + slot[_ID]
        try:
            key = self._wrapping.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound)
        except InvalidTag:
            return None
        return SubjectKey(slot[_ID].hex(), AESGCM(key))

    def _lookup(self, tenant: str, subject: str) -> bytes:
        return hmac.digest(self._looking, json.dumps([tenant, subject]).encode(), "sha256")

    def _derived(self, what: bytes) -> bytes:
        return hmac.digest(self._secret, b"colonnade audit " + what, "sha256")

    def _damaged(self) -> Unavailable:
        return Unavailable(
            f"{self._path.name} is damaged: put back a copy of it, or move it away; without it "
            "what is sealed of people in the audit log stays unreadable"
        )


def key_file(log: Path) -> Path:
    """Where the keys of an audit log lie."""
    return log.with_suffix(".keys")


def _head(secret: bytes, keyring: Keyring | None) -> bytes:
    kept = keyring.seal(secret, _CONTEXT) if keyring else base64.b64encode(secret).decode()
    return json.dumps({"format": _FORMAT, "secret": kept}).encode().ljust(_HEAD_BYTES - 1) + b"\n"


def _write_at(file: int, data: bytes, place: int) -> None:
    while data:
        written = os.pwrite(file, data, place)
        data, place = data[written:], place + written


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:16]


def _is_whole(slot: bytes) -> bool:
    return slot.startswith(_MARK) and slot[_END:] == _checksum(slot[:_END])
