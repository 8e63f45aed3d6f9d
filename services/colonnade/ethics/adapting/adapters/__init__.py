"""The world of adaptations: versions, scorers, the training service, the registry, a folder, a database."""
