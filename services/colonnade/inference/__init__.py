"""The inference service: a router without torch that knows the engines and what they have loaded."""
