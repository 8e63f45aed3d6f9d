"""A record of who did what, which cannot be changed unnoticed: JSON lines, chained by their hashes.

Whoever may write the file can cut records off its end, or write the whole chain anew; only a copy of the head
kept elsewhere shows that. ``verify(path, expected=head)`` takes one. ``privileged`` puts an act between two
records. What records say of people is sealed, each person's with a key of their own (``sealing``).
"""

from colonnade.security.audit.acts import Trail, privileged
from colonnade.security.audit.log import AuditLog
from colonnade.security.audit.record import Head, Record
from colonnade.security.audit.verification import Problem, Verification, read, read_opened, verify

__all__ = [
    "AuditLog",
    "Head",
    "Problem",
    "Record",
    "Trail",
    "Verification",
    "privileged",
    "read",
    "read_opened",
    "verify",
]
