"""Who asks, what they may do, what may come in, and a record of what they did."""
