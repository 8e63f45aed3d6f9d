"""What a record says of a person, sealed with that person's key: where the key is gone, it says ``erased``.

A record about somebody has ``sealed`` for its subject, and among its facts ``sealed``, a line of text:

    sealed.1.<id of the key>.<nonce and ciphertext, Base64>

in which are its subject and those of its facts that say who, or that a person wrote. What a service does on
somebody's behalf keeps the service's name, and seals those facts with that person's key. A fact that names
another person is sealed by itself, with the key of that person. Records of services alone, and those from
before there were such keys, have their subject as it is.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography.exceptions import InvalidTag

from colonnade.errors import InvalidArgument
from colonnade.security.audit.record import Record, check_facts
from colonnade.security.audit.subject_keys import SubjectKey, SubjectKeys
from colonnade.security.identity import Principal, Role

SEALED, ERASED = "sealed", "erased"
_KEY_ID = "caller_key_id"
PERSONAL = frozenset({_KEY_ID, "filename", "on_behalf_of", "session", "sessions", "text", "texts", "why"})
"""Facts that say who, or that a person wrote."""
NAMING = frozenset({"by", "created_by", "owner", "subject", "user"})
"""Facts that name a person, who may be another than the one that the record is about."""
_MARK = "sealed.1."
_NONCE_BYTES = 12
_USUAL = 8
"""Keys of one person, of which what is sealed is remembered."""
_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def sealed(who: Principal, facts: dict[str, Any], keys: SubjectKeys) -> tuple[str, dict[str, Any]]:
    """The subject and the facts as a record keeps them."""
    if SEALED in facts:
        raise InvalidArgument(f"a fact may not be called {SEALED!r}", field="facts")
    if not NAMING.isdisjoint(facts):
        tenant = str(facts.get("tenant") or who.tenant)
        facts = {name: _named(name, value, tenant, keys) for name, value in facts.items()}
    person = _person(who, facts)
    if person is None:
        return who.subject, facts
    key = keys.of(*person)
    if Role.SERVICE in who.roles:
        return who.subject, _without(facts) | {SEALED: _closed({"facts": _own(facts)}, key)}
    return SEALED, _without(facts) | {SEALED: _of_person(who.subject, facts, key)}


def _of_person(subject: str, facts: Mapping[str, Any], key: SubjectKey) -> str:
    """Most records say of a person no more than their name and their key: that is sealed once."""
    if facts.keys() & PERSONAL != {_KEY_ID}:
        return _closed({"subject": subject, "facts": _own(facts)}, key)
    key_id = facts[_KEY_ID]
    known = key.usual.get(key_id)
    if known is None:
        if len(key.usual) >= _USUAL:
            key.usual.clear()
        known = key.usual[key_id] = _closed({"subject": subject, "facts": {_KEY_ID: key_id}}, key)
    return known


def _own(facts: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: facts[name] for name in facts.keys() & PERSONAL}
    check_facts(own)
    return own


def _without(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in PERSONAL}


def unsealed(record: Record, keys: SubjectKeys | None) -> Record:
    """The record for people to read: its hash is of what stands in the file. Without the key of a person,
    ``erased`` stands for what was sealed with it."""
    facts = {name: _said(value, keys) if name in NAMING else value for name, value in record.facts.items()}
    blob = facts.pop(SEALED, None)
    if blob is None:
        return replace(record, facts=facts)
    said = _opened(str(blob), keys)
    if said is None:
        subject = ERASED if record.subject == SEALED else record.subject
        return replace(record, subject=subject, facts=facts | {SEALED: ERASED})
    return replace(record, subject=said.get("subject", record.subject), facts=facts | said["facts"])


def _person(who: Principal, facts: Mapping[str, Any]) -> tuple[str, str] | None:
    """Whose key seals the record; None where it is about nobody."""
    if Role.SERVICE not in who.roles:
        return (who.tenant, who.subject) if who.subject else None
    tenant, _, subject = str(facts.get("on_behalf_of", "")).partition("/")
    return (tenant, subject) if subject else None


def _named(name: str, value: object, tenant: str, keys: SubjectKeys) -> object:
    """Names stand alone, or as ``tenant/subject``."""
    if name not in NAMING or not isinstance(value, str) or not value:
        return value
    said, slash, subject = value.partition("/")
    person = (said, subject) if slash else (tenant, value)
    return _closed({"name": value}, keys.of(*person))


def _said(value: object, keys: SubjectKeys | None) -> object:
    if not isinstance(value, str) or not value.startswith(_MARK):
        return value
    said = _opened(value, keys)
    return ERASED if said is None else said["name"]


def _closed(said: Mapping[str, Any], key: SubjectKey) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    text = nonce + key.cipher.encrypt(nonce, _ENCODE(said).encode(), key.id.encode())
    return f"{_MARK}{key.id}.{base64.b64encode(text).decode()}"


def _opened(text: str, keys: SubjectKeys | None) -> dict[str, Any] | None:
    key_id, _, coded = text.removeprefix(_MARK).partition(".")
    key = keys.find(key_id) if keys else None
    if key is None:
        return None
    data = base64.b64decode(coded)
    try:
        plain = key.cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], key_id.encode())
    except InvalidTag:
        return None
    said: dict[str, Any] = json.loads(plain)
    return said
