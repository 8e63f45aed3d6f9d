"""Documents' texts: read in a process of its own, and cut into pieces."""
