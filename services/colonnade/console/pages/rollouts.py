"""Bringing a version to everybody, step by step."""

from colonnade.console.coming import coming

PLACE = coming(
    "/rollouts",
    "Rollouts",
    30,
    "Here a new version is taken from its gates through a canary to every request, watched, and taken back.",
    "docs/rollouts.md",
)
