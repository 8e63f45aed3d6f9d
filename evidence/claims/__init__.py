"""What parts of the platform are for, and whether they do it."""
