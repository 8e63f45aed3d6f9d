"""The training service: jobs that make model versions. It knows no torch; its workers do."""
