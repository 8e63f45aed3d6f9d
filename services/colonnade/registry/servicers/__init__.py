"""The gRPC methods, one file a noun: message to domain, one use case, domain to message."""
