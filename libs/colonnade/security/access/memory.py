"""Who may call the memory service. Whose memories they are is decided behind the door."""

from colonnade.security.access.roles import ERASE, REMEMBER, SEE_ERASURES
from colonnade.security.access.table import Table

_SERVICE = "/colonnade.api.memory.v1.MemoryService"
_DOCUMENTS = "/colonnade.api.memory.v1.DocumentService"
_SUBJECTS = "/colonnade.api.erasure.v1.SubjectService"

RPCS: Table = {
    f"{_SERVICE}/Remember": REMEMBER,
    f"{_SERVICE}/RememberExchange": REMEMBER,
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
    f"{_SUBJECTS}/EraseSubject": ERASE,
    f"{_SUBJECTS}/GetErasure": ERASE | SEE_ERASURES,
    f"{_SUBJECTS}/ListErasures": SEE_ERASURES,
    f"{_SUBJECTS}/GetReceiptKey": ERASE | SEE_ERASURES,
}
