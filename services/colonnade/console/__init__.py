"""The web console: a client of the gateway's public interface, with the rights of whoever signed in."""
