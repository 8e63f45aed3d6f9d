"""What the registry counts. Labels are bounded: outcomes are ``ok`` or an error code."""

from colonnade.telemetry.metrics import counter, gauge, histogram

RESOLUTIONS = counter("registry", "resolutions", "References resolved", ("outcome",))
ALIAS_MOVES = counter("registry", "alias_changes", "Aliases moved or deleted", ("action", "outcome"))
IMPORTS = counter("registry", "imports", "Imports that ended", ("outcome",))
IMPORT_SECONDS = histogram(
    "registry_import",
    "seconds",
    "From the start of a conversion to the registered version",
    buckets=(1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0),
)
IMPORTS_QUEUED = gauge("registry_queued", "imports", "Imports that wait for their turn")
STORED_BYTES = counter("registry_stored", "bytes", "Artefacts written to the blob store")
WATCHERS = gauge("registry_event", "watchers", "Streams of events that are open")
DELIVERIES = counter("registry_webhook", "deliveries", "Attempts to tell a webhook of an event", ("outcome",))
WEBHOOK_LAG = gauge(
    "registry_webhook_lag", "seconds", "Age of the oldest event that a webhook told from here still waits for"
)
