"""What people ask of their memories, and what goes on in the background meanwhile."""
