"""Gateways side by side: one mock upstream behind, one load in front, processor time from outside."""
