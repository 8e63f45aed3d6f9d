"""What the platform remembers for its users."""

from colonnade.console.coming import coming

PLACE = coming(
    "/memory",
    "Memory",
    80,
    "Here one sees what is remembered for whom, and has it forgotten.",
    "docs/memory.md",
)
