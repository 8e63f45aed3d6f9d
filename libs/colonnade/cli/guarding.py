"""What is told of policies that had part in an answer."""

from typing import TYPE_CHECKING

from colonnade.cli.terminal import remark

if TYPE_CHECKING:
    from colonnade.client import GuardUse


def tell(use: "GuardUse | None") -> None:
    """Nothing where all went through as it was."""
    if use is None:
        return
    for decision in use.decisions:
        if decision.action != "allow":
            remark(" ".join(filter(None, [decision.explanation, decision.reason])))
    if use.unscreened:
        remark(f"Not screened by {', '.join(use.unscreened)}, which failed.")
    if use.unavailable:
        remark(f"Not screened: {use.unavailable}")
