"""A request before the bench: a policy is chosen, text is screened, and what was decided goes on record."""
