"""Promotions that are judged, watched, and taken back by themselves."""
