"""API keys: ``ck_<id>_<secret>``. The id finds the key, the secret proves it; only the secret's hash is kept.

The hash is one SHA-256, on purpose. Slow, salted hashes (argon2, bcrypt) make guessing dear where secrets are
chosen by people. These are 256 random bits: there is nothing to guess, no two are alike, and no table can be
made ahead. A slow hash would only let strangers keep the gateway busy with wrong keys.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from colonnade.errors import InvalidArgument, Unauthenticated
from colonnade.security.identity import Principal, Role

GRANTABLE = frozenset(Role) - {Role.SERVICE}
"""The roles that a key may have; services prove themselves otherwise."""

_SHAPE = re.compile(r"ck_([a-z0-9]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
_ID_BYTES = 8
_SECRET_BYTES = 32
_NOBODYS_HASH = hashlib.sha256(secrets.token_bytes(_SECRET_BYTES)).hexdigest()


@dataclass(frozen=True, slots=True)
class Credential:
    """A key in two parts. Its ``repr`` shows the id alone."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"ck_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"Credential(id={self.id!r})"

    @property
    def hash(self) -> str:
        """What may be stored: SHA-256 of the secret, in hexadecimal."""
        return hash_secret(self.secret)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key. Times are aware; ``expires_at`` and ``revoked_at`` may be None."""

    id: str
    tenant: str
    subject: str
    roles: frozenset[Role]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    name: str
    hash: str

    def usable(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def principal(self) -> Principal:
        """Who the bearer is. A key without a subject is a subject of its own."""
        return Principal(self.tenant, self.subject or f"key:{self.id}", self.roles, self.id)


def generate() -> Credential:
    """A new credential from the system's random source."""
    return Credential(secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES))


def issue(
    tenant: str,
    roles: frozenset[Role],
    now: datetime,
    *,
    subject: str = "",
    name: str = "",
    lifetime: timedelta | None = None,
) -> tuple[ApiKey, Credential]:
    """A new key: what to keep, what to show once. Raises ``InvalidArgument`` for roles no key may have."""
    if not roles or not roles <= GRANTABLE:
        names = ", ".join(sorted(GRANTABLE))
        raise InvalidArgument(f"roles must be one or more of {names}", field="roles")
    if lifetime is not None and lifetime <= timedelta(0):
        raise InvalidArgument("the lifetime of a key must be positive", field="lifetime")
    made = generate()
    expires = None if lifetime is None else now + lifetime
    return ApiKey(made.id, tenant, subject, roles, now, expires, None, name, made.hash), made


def is_claimed(text: str) -> bool:
    """Whether ``text`` is meant as one of the platform's keys, right or wrong."""
    return text.startswith("ck_")


def parse(text: str) -> Credential:
    """The parts of a key, as its bearer sends it. Raises ``Unauthenticated`` for any other shape."""
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise Unauthenticated("the API key is malformed; a key looks like ck_<id>_<secret>")
    return Credential(shape[1], shape[2])


def hash_secret(secret: str) -> str:
    """SHA-256 of a secret, in hexadecimal; see the module on why it is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, stored_hash: str | None) -> bool:
    """Whether ``stored_hash`` is that of ``secret``, in constant time.

    None stands for a key that does not exist: the comparison is made all the same, and is false.
    """
    equal = hmac.compare_digest(hash_secret(secret), stored_hash or _NOBODYS_HASH)
    return equal and stored_hash is not None


def authenticate(credential: Credential, known: ApiKey | None, now: datetime) -> Principal:
    """Who bears ``credential``; ``known`` is the key stored under its id, or None.

    Unknown, wrong, revoked and expired keys get the same ``Unauthenticated``: it does not help to guess.
    """
    proven = matches(credential.secret, known.hash if known else None)
    if known is None or known.id != credential.id or not proven or not known.usable(now):
        raise Unauthenticated("the API key is unknown, revoked or expired")
    return known.principal()
