"""What a run made becomes a version, and what a run starts from is brought to it. It knows no wire."""
