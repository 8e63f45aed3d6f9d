"""Calls that this service makes for itself, in the tenant whose memories they are for."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from colonnade.rpc import CallContext, Identity, bound
from colonnade.security.identity import Principal, Role


def acting_as(identity: Identity) -> Callable[[str], AbstractContextManager[object]]:
    """Within what it returns for a tenant, calls say that tenant, and this service as their subject."""

    @contextmanager
    def acting(tenant: str) -> Iterator[None]:
        who = Principal(tenant, identity.principal.subject, frozenset({Role.SERVICE}))
        with bound(CallContext(who, identity.token(who), "")):
            yield

    return acting
