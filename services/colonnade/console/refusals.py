"""What a refusal of the gateway means to whoever sits at the page, and what to do next."""

from dataclasses import dataclass

from colonnade.errors import Code, ColonnadeError


@dataclass(frozen=True, slots=True)
class Refused:
    title: str
    message: str
    next_step: str
    again: bool = True
    """Whether trying again may help."""


_STATES: dict[Code, tuple[str, str, bool]] = {
    Code.PERMISSION_DENIED: (
        "Your key may not do this",
        "Ask an administrator for a key with a role that may, and sign in with it.",
        False,
    ),
    Code.UNAVAILABLE: (
        "The platform does not answer",
        "Wait a moment. If it lasts, look at: colonnade status, colonnade doctor",
        True,
    ),
    Code.DEADLINE_EXCEEDED: ("It took too long", "Ask for less, or try again when less is going on.", True),
    Code.OVERLOADED: ("Too much at once", "Wait a little, then try again.", True),
    Code.BUDGET_SPENT: (
        "The month's tokens are spent",
        "Wait for the next month, or have an administrator raise the budget.",
        False,
    ),
    Code.NOT_FOUND: (
        "There is no such thing",
        "Look whether the name is right; it may have been removed as well.",
        False,
    ),
    Code.CONFLICT: ("Someone else was faster", "Look at what is there now, then decide again.", True),
    Code.ALREADY_EXISTS: ("It exists already", "Choose another name, or use what is there.", False),
    Code.INVALID_ARGUMENT: ("Something in this is not right", "Correct it and try again.", False),
    Code.TOO_LARGE: ("Too large", "Send less.", False),
    Code.UNSUPPORTED: ("This cannot be done here", "Choose another model, or leave the setting out.", False),
    Code.CANCELLED: ("Stopped", "Start it again if you want to.", True),
}
_CONFLICTS: dict[object, tuple[str, str, bool]] = {
    "alias": (
        "Only a rollout moves this alias",
        "Promote a version through a rollout, or look at the one that is under way under Rollouts.",
        False,
    ),
    "expected_revision": _STATES[Code.CONFLICT],
}
_NOW = ("Not as things are now", "Look at what is there now, then decide again.", True)
_FAULT = ("Something went wrong", "Look at: colonnade logs gateway", True)


def told(error: ColonnadeError) -> Refused:
    title, next_step, again = _STATES.get(error.code, _FAULT)
    if error.code == Code.CONFLICT:
        title, next_step, again = _CONFLICTS.get(error.details.get("field"), _NOW)
    if error.details.get("rule") and error.details.get("policy_version"):
        title, again = "A policy refuses this", False
        next_step = (
            f"Word it otherwise, or tell whoever keeps the policies of the rule {error.details['rule']}."
        )
    request_id = error.details.get("request_id")
    if error.code == Code.INTERNAL and request_id:
        next_step = f"{next_step}, and search for {request_id}"
    return Refused(title, error.message, next_step, again)
