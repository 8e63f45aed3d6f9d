"""What Alembic runs for every service's migrations; it finds ``env.py`` by its path."""
