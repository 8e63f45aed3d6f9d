"""The engines and the registry as they are reached over gRPC."""
