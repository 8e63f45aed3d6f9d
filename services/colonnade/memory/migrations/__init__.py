"""The memory service's history: one revision a file, oldest first."""
