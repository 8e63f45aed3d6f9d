"""The training loop: steps, precision, evaluation, throughput. It knows objectives, and no family."""
