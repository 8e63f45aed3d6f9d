"""What the memory service is about."""
