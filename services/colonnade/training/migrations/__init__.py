"""The training service's history: one revision a file, oldest first."""
