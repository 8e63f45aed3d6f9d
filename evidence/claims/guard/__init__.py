"""What the guard finds in published sets, and what it refuses that is harmless."""
