"""What screening speaks of: findings, policies, decisions. Pure."""
