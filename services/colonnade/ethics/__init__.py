"""The ethics service: screens what goes in and what comes out, and says why."""
