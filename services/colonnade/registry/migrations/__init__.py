"""The registry's history: one revision a file, oldest first."""
