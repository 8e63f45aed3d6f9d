"""What the training service counts. Labels are bounded: states of jobs."""

from colonnade.telemetry.metrics import counter, gauge

RUNNING = gauge("training_running", "jobs", "Jobs that have a worker")
ENDED = counter("training", "jobs", "Jobs that ended", ("state",))
