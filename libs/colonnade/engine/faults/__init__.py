"""What an engine remembers of its own deaths: who was in the forward that ended it.

A request that the model fails on fails alone, inside the process (``step``). One that takes the process down
cannot. So the requests of every forward are noted before it, in a file that outlives the process
(``Journal``). The next process reads the note and suspects them all: each runs alone once (``CrashBook``).
The innocent come through; the one that kills the engine a second time is refused from then on.
"""

from colonnade.engine.faults.crashes import CrashBook
from colonnade.engine.faults.fingerprint import fingerprint
from colonnade.engine.faults.journal import Journal
from colonnade.engine.faults.watch import FaultWatch

__all__ = ["CrashBook", "FaultWatch", "Journal", "fingerprint"]
