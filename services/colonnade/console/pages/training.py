"""Training runs."""

from colonnade.console.coming import coming

PLACE = coming(
    "/training",
    "Training",
    70,
    "Here training runs are started, watched and compared.",
    "docs/training.md",
)
