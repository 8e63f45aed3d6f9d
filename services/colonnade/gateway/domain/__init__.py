"""The gateway's own words: what is asked, by whom, within which limits. Frozen, and free of any wire."""
