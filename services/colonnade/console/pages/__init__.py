"""One file a place in the navigation; ``colonnade.console.places`` finds them."""
