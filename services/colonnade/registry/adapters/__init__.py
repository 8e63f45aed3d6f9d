"""The backends behind the registry's ports, one a file."""
