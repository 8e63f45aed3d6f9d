"""What happened in the registry, in the order of commits: as a stream, and told to webhooks."""
