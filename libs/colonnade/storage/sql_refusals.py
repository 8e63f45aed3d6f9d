"""What a database says when it cannot do as asked, in words that say what to do about it."""

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from colonnade.errors import Unavailable

_RETRYABLE = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_UNIQUE = "23505"
_LOCKED = "55P03"
_AWAY = ("08", "53", "57P", "58")  # connection, resources, shutdown, the server's own disk
_KNOWN = {  # a refused connection has a text and no code
    "password authentication failed": "refuses the user or the password",
    "no password supplied": "wants a password",
    "does not exist": "knows no such database or user",
    "not permitted to log in": "does not let the user in",
    "pg_hba.conf": "does not let the user in from here",
    "too many": "has no connection to spare",
    "No space left": "has no room left on its disk",
}
_BUSY_AGAIN_SECONDS, _AWAY_AGAIN_SECONDS = 1, 2


class Refusals:
    """Of one database; ``setting`` is what says where it is.

    SQLite's errors of its files stay what they are."""

    def __init__(self, setting: str, connections: int, *, server: bool) -> None:
        self._setting = setting
        self._server = server
        self._connections = connections

    def of(self, error: Exception) -> Exception:
        """A locked, full or absent database is worth another try; everything else stays what it is."""
        if isinstance(error, NoConnectionFree):
            return Unavailable(
                f"all {self._connections} connections to the database are in use; try again",
                limit=self._connections,
                retry_after_seconds=_BUSY_AGAIN_SECONDS,
            )
        if not isinstance(error, DBAPIError):
            return error
        if is_retryable(error) or _state(error) == _LOCKED or "database is locked" in str(error.orig):
            return Unavailable(
                "the database is busy with other writers; try again", retry_after_seconds=_BUSY_AGAIN_SECONDS
            )
        return self._away(error) if self._server and _is_away(error) else error

    def _away(self, error: DBAPIError) -> Unavailable:
        said = str(error.orig)
        what = next((known for text, known in _KNOWN.items() if text in said), "cannot be reached")
        return Unavailable(
            f"the database server {what}; see {self._setting}",
            field=self._setting,
            retry_after_seconds=_AWAY_AGAIN_SECONDS,
        )


def is_retryable(error: Exception) -> bool:
    """Whether another transaction came between, so that doing the same again may succeed."""
    return isinstance(error, DBAPIError) and _state(error) in _RETRYABLE


def met_another(error: Exception) -> bool:
    """Whether what was to be new came a moment before, from a transaction that this one could not see."""
    return isinstance(error, DBAPIError) and _state(error) == _UNIQUE


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _is_away(error: DBAPIError) -> bool:
    """Lost, not there, or not willing."""
    state = _state(error)
    return error.connection_invalidated or (
        state.startswith(_AWAY) if state else isinstance(error, OperationalError)
    )
