"""How the platform is."""

from colonnade.console.coming import coming

PLACE = coming(
    "/operations",
    "Operations",
    100,
    "Here one sees traces, alerts and what was done about them.",
    "docs/operations.md",
)
