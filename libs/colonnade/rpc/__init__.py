"""gRPC as the platform speaks it: one way to serve, one way to call.

``Server`` verifies who asks, checks the access table, maps errors, traces and answers health checks.
``Peer`` calls a service on behalf of the current call, or of the service itself.
"""

from colonnade.rpc.addresses import every_address
from colonnade.rpc.context import CallContext, bound, current, current_or_none
from colonnade.rpc.peer import Identity, Peer
from colonnade.rpc.run import run, run_service, until_stopped
from colonnade.rpc.server import Server
from colonnade.rpc.settings import ProcessSettings

__all__ = [
    "CallContext",
    "Identity",
    "Peer",
    "ProcessSettings",
    "Server",
    "bound",
    "current",
    "current_or_none",
    "every_address",
    "run",
    "run_service",
    "until_stopped",
]
