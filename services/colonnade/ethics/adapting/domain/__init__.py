"""What an adaptation is. Pure."""
