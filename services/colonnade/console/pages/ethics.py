"""Policies, screening and reports."""

from colonnade.console.coming import coming

PLACE = coming(
    "/ethics",
    "Ethics",
    90,
    "Here policies are tried, and reports on bias and on what was screened are read.",
    "docs/ethics.md",
)
