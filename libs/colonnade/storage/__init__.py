"""What a service keeps: SQL with migrations from the first day, and files by their digest."""
