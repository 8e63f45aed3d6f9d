"""What a bundled model makes of people of different groups, by published sets and the platform's detector."""
