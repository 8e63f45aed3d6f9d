"""What policies did about an answer, below it."""

from colonnade.client import GuardUse


def lines_of(use: GuardUse | None) -> list[str]:
    """Nothing where all went through as it was."""
    if use is None:
        return []
    lines = [
        " ".join(filter(None, (each.explanation, each.reason)))
        for each in use.decisions
        if each.action != "allow"
    ]
    if use.unscreened:
        lines.append(f"Not screened by {', '.join(use.unscreened)}, which failed.")
    if use.unavailable:
        lines.append(f"Not screened: {use.unavailable}")
    return lines
