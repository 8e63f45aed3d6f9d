"""Making trained models smaller: pruning, and teaching a small model by a large one."""
