"""Bringing a version to everybody, step by step."""

from colonnade.console.coming import coming

PLACE = coming(
    "/rollouts",
    "Rollouts",
    30,
    "Here a version is taken through its gates and a canary to every request, watched, and taken back.",
    "docs/rollouts.md",
    "Until then: colonnade rollout",
)
