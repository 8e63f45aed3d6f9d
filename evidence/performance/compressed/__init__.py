"""Models made smaller, and who judges them."""
