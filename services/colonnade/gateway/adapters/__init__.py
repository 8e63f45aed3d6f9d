"""The gateway's ports on real neighbours: registry, inference, SQL, the audit chain."""
