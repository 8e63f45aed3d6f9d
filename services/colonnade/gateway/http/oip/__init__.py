"""Open Inference Protocol v2 with its generate extension, as KServe and Triton speak it."""
