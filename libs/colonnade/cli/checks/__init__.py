"""What ``colonnade doctor`` looks at: one file a place to look. A check never raises; it finds."""

from colonnade.cli.checks.finding import Finding, Level

__all__ = ["Finding", "Level"]
