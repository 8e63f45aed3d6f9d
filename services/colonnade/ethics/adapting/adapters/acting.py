"""Calls in the background, in the name of whoever asked and with the roles that they had then."""

from collections.abc import Iterator
from contextlib import contextmanager

from colonnade.ethics.adapting.domain.adaptations import Asker
from colonnade.rpc import CallContext, Identity, bound
from colonnade.security.identity import Principal, Role


def principal_of(asker: Asker) -> Principal:
    return Principal(asker.tenant, asker.subject, frozenset(map(Role, asker.roles)))


@contextmanager
def acting_for(identity: Identity, asker: Asker) -> Iterator[None]:
    who = principal_of(asker)
    with bound(CallContext(who, identity.token(who), "")):
        yield
