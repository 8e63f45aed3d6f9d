"""The ``colonnade`` command: one file a noun, over the SDK and the supervisor.

Exit statuses: 0 done, 1 refused or failed (one line on stderr says why and what to do), 2 wrong usage,
130 interrupted.
"""
