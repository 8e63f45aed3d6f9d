"""JSON and server-sent events to the domain and back."""
