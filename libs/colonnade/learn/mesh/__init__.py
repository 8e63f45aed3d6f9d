"""Several processes that learn one model: copies of it, shards of it, and products split between them."""
