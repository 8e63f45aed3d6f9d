"""Who may call the memory service. Whose memories they are is decided behind the door."""

from colonnade.security.access.roles import REMEMBER
from colonnade.security.access.table import Table

_SERVICE = "/colonnade.api.memory.v1.MemoryService"
_DOCUMENTS = "/colonnade.api.memory.v1.DocumentService"

RPCS: Table = {
    f"{_SERVICE}/Remember": REMEMBER,
    f"{_SERVICE}/Search": REMEMBER,
    f"{_SERVICE}/Recall": REMEMBER,
    f"{_SERVICE}/ListMemories": REMEMBER,
    f"{_SERVICE}/GetMemory": REMEMBER,
    f"{_SERVICE}/ReviseMemory": REMEMBER,
    f"{_SERVICE}/ForgetMemory": REMEMBER,
    f"{_SERVICE}/RateMemory": REMEMBER,
    f"{_SERVICE}/ListSessions": REMEMBER,
    f"{_SERVICE}/EndSession": REMEMBER,
    f"{_DOCUMENTS}/AddDocument": REMEMBER,
    f"{_DOCUMENTS}/ListDocuments": REMEMBER,
    f"{_DOCUMENTS}/GetDocument": REMEMBER,
    f"{_DOCUMENTS}/DeleteDocument": REMEMBER,
}
