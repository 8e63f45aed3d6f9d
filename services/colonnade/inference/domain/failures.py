"""What an engine's refusal means for the one who asked it."""

from colonnade.errors import ColonnadeError, Internal, NotFound, Overloaded, Unavailable, Unsupported


def engine_is_gone(error: ColonnadeError) -> bool:
    """Whether another engine may do what this one could not."""
    return isinstance(error, Unavailable)


def engine_is_full(error: ColonnadeError) -> bool:
    """Whether another engine may have the room that this one has not."""
    return isinstance(error, Overloaded)


def engine_cannot(error: ColonnadeError) -> bool:
    """Whether another engine may serve versions of the family that this one does not."""
    return isinstance(error, Unsupported) and error.details.get("field") == "manifest.family"


def engine_failed(error: ColonnadeError) -> bool:
    """Whether the engine, not the request, is to blame: this is counted against it."""
    return isinstance(error, Unavailable | Internal)


def version_is_out(error: ColonnadeError) -> bool:
    """Whether another version may answer what no engine could with this one."""
    return isinstance(error, Unavailable | Internal | Overloaded)


def version_is_gone(error: ColonnadeError) -> bool:
    """Whether the engine has dropped the version since it was last asked."""
    return isinstance(error, NotFound) and error.details.get("field") == "model.digest"


def adapter_is_gone(error: ColonnadeError) -> bool:
    """Whether the engine has dropped the adapter since it was last asked."""
    return isinstance(error, NotFound) and error.details.get("field") == "model.adapter"


def broken_off(error: ColonnadeError) -> ColonnadeError:
    """What is said where an engine goes in the middle of an answer: what came cannot be continued."""
    if not engine_is_gone(error):
        return error
    return Unavailable("the engine stopped before the answer was complete; ask again", **error.details)
