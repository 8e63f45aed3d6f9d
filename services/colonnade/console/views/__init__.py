"""What the pages show, worked out without a page: pure functions over what the SDK answers."""
