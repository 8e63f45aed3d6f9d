"""What the memory service counts. Labels are bounded: kinds, reasons, parts and duties; never whose it is."""

from colonnade.telemetry.metrics import counter, histogram

REMEMBERED = counter("memory_remembered", "memories", "Memories that were kept", ("kind",))
FORGOTTEN = counter(
    "memory_forgotten",
    "memories",
    "Memories that were erased: asked, session, document, faded or erased",
    ("reason",),
)
DOCUMENTS = counter("memory_added", "documents", "Documents that were kept")
EMBEDDED = counter(
    "memory_embedded", "memories", "Memories that were given a vector: at_once or later", ("when",)
)
SECONDS = histogram("memory_search", "seconds", "From a question to what was found for it", ("call",))
WITHOUT = counter(
    "memory_search_without", "parts", "Parts of a search that were away: vectors, rerank", ("part",)
)
CONSOLIDATED = counter("memory_consolidated", "facts", "Facts that were made of episodes")
SUMMARISED = counter("memory_summarised", "sessions", "Summaries of sessions that were written")
ERASURES = counter("memory_erasures", "subjects", "Subjects who were erased everywhere", ("asked_by",))
ERASING_FAILURES = counter("memory_erasing", "failures", "Calls to erase that failed", ("service",))
FAILURES = counter("memory_upkeep", "failures", "Turns of background work that failed", ("duty",))
