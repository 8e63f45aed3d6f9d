"""The exception classes, one a code."""

from collections.abc import Mapping
from typing import Any, ClassVar

from colonnade.errors.codes import Code


class ColonnadeError(Exception):
    """A refusal that may be shown to the caller.

    ``message`` names the field, the limit and the remedy; ``details`` holds the same for programs
    (``field``, ``limit``, ``retry_after_seconds`` ...). Neither may hold a path, a secret or a traceback.
    """

    code: ClassVar[Code] = Code.INTERNAL

    def __init__(self, message: str, /, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details


class InvalidArgument(ColonnadeError):
    """Wrong input; ``details["field"]`` names it."""

    code = Code.INVALID_ARGUMENT


class Unsupported(ColonnadeError):
    """Well-formed, but this model or installation cannot do it; says what is supported."""

    code = Code.UNSUPPORTED


class TooLarge(ColonnadeError):
    code = Code.TOO_LARGE


class Unauthenticated(ColonnadeError):
    code = Code.UNAUTHENTICATED


class PermissionDenied(ColonnadeError):
    code = Code.PERMISSION_DENIED


class BudgetSpent(ColonnadeError):
    code = Code.BUDGET_SPENT


class NotFound(ColonnadeError):
    code = Code.NOT_FOUND


class AlreadyExists(ColonnadeError):
    code = Code.ALREADY_EXISTS


class Conflict(ColonnadeError):
    """Someone else changed it first; read again and retry."""

    code = Code.CONFLICT


class Overloaded(ColonnadeError):
    """A queue is full; ``details["retry_after_seconds"]`` says when to come back."""

    code = Code.OVERLOADED


class Cancelled(ColonnadeError):
    code = Code.CANCELLED


class DeadlineExceeded(ColonnadeError):
    code = Code.DEADLINE_EXCEEDED


class Unavailable(ColonnadeError):
    """A part of the platform is down or still starting; worth a retry."""

    code = Code.UNAVAILABLE


class Internal(ColonnadeError):
    """A fault of ours. The message is general; the log has the rest under the request id."""

    code = Code.INTERNAL

    @classmethod
    def hidden(cls) -> "Internal":
        """What is said of an exception that is no refusal: nothing of what it says itself."""
        return cls("an internal error; the log has the rest under this request id")


_BY_CODE: Mapping[Code, type[ColonnadeError]] = {
    cls.code: cls
    for cls in (
        InvalidArgument, Unsupported, TooLarge, Unauthenticated, PermissionDenied, BudgetSpent, NotFound,
        AlreadyExists, Conflict, Overloaded, Cancelled, DeadlineExceeded, Unavailable, Internal,
    )
}  # fmt: skip


def error_of(code: str, message: str, details: Mapping[str, Any] | None = None) -> ColonnadeError:
    """The error that ``code`` names, as it was raised in another process. An unknown code is internal."""
    known = Code(code) if code in set(Code) else Code.INTERNAL
    return _BY_CODE[known](message, **dict(details or {}))
