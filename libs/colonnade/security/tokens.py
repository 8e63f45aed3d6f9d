"""Internal tokens: a principal, signed with Ed25519 for minutes, so that any service can check who asks.

The private key stays with those who may speak for people (the gateway) or for themselves; everyone else
holds the public half. On one machine all processes of one owner share a key pair in an owner-only folder.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from colonnade.errors import Unauthenticated
from colonnade.security.identity import Principal, Role
from colonnade.security.own_files import made_once

ALGORITHM = "Ed25519"
LIFETIME_SECONDS = 300
_REUSE_SECONDS = LIFETIME_SECONDS // 2
_ISSUER = "colonnade"
_CACHE_SIZE = 4096
_K = TypeVar("_K")
_V = TypeVar("_V")


def load_or_create_key(folder: Path) -> OKPKey:
    """The signing key in ``folder``; made, readable by its owner alone, if there is none."""
    path = folder / "signing-key.pem"
    made_once(path, lambda: OKPKey.generate_key("Ed25519").as_pem(private=True))
    return OKPKey.import_key(path.read_bytes())


class TokenMinter:
    """Signs principals; a principal's token is reused until half its life is over."""

    def __init__(self, key: OKPKey, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock
        self._minted: OrderedDict[Principal, tuple[str, float]] = OrderedDict()

    def mint(self, principal: Principal) -> str:
        now = self._clock()
        known = self._minted.get(principal)
        if known and known[1] > now:
            return known[0]
        claims = {
            "iss": _ISSUER,
            "ten": principal.tenant,
            "sub": principal.subject,
            "rol": sorted(principal.roles),
            "key": principal.key_id,
            "iat": int(now),
            "exp": int(now) + LIFETIME_SECONDS,
        }
        token = jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])
        _remember(self._minted, principal, (token, now + _REUSE_SECONDS))
        return token


class TokenVerifier:
    """Turns a token back into its principal, or refuses it."""

    def __init__(self, key: OKPKey, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock
        self._verified: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    def verify(self, token: str) -> Principal:
        """Raises ``Unauthenticated`` for a token that is malformed, expired or signed by another key."""
        known = self._verified.get(token)
        if known is None:
            known = self._decode(token)
            _remember(self._verified, token, known)
        principal, expires = known
        if not self._clock() < expires:
            raise Unauthenticated("the internal token has expired; the caller must mint a new one")
        return principal

    def _decode(self, token: str) -> tuple[Principal, float]:
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            if claims["iss"] != _ISSUER:
                raise ValueError(claims["iss"])
            roles = frozenset(Role(role) for role in claims["rol"])
            principal = Principal(str(claims["ten"]), str(claims["sub"]), roles, str(claims["key"]))
            expires = claims["exp"]
            if type(expires) not in (int, float) or not math.isfinite(expires):
                raise ValueError(expires)
            return principal, float(expires)
        except (JoseError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise Unauthenticated("the internal token is not valid here") from error


def _remember(cache: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    cache[key] = value
    if len(cache) > _CACHE_SIZE:
        cache.popitem(last=False)
