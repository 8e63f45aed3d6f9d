"""The memory service: what the platform remembers of people, and of their documents (ADR 30)."""
