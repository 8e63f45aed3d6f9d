"""How the registry's rooms are put together: one file a room, called by ``__main__`` alone."""
