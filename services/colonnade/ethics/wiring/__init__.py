"""One module a room: what it is made of, and what it adds to the server."""
