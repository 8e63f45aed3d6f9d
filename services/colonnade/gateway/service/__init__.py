"""The use cases of the gateway, free of HTTP, gRPC and SQL."""
