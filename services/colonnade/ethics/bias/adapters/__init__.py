"""The bias room's ports, implemented."""
