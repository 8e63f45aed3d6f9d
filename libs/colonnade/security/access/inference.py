"""Who may call the inference service."""

from colonnade.security.access.roles import GENERATE, PREPARE, SEE_RUNNING, SERVE
from colonnade.security.access.table import Table

_SERVICE = "/colonnade.api.inference.v1.InferenceService"

RPCS: Table = {
    f"{_SERVICE}/Generate": GENERATE,
    f"{_SERVICE}/GenerateWhole": GENERATE,
    f"{_SERVICE}/Score": GENERATE,
    f"{_SERVICE}/Embed": GENERATE,
    f"{_SERVICE}/Tokenize": GENERATE,
    f"{_SERVICE}/Detokenize": GENERATE,
    f"{_SERVICE}/Abort": GENERATE,
    f"{_SERVICE}/Prepare": PREPARE,
    f"{_SERVICE}/PurgeCache": PREPARE,
    f"{_SERVICE}/GetCache": SEE_RUNNING,
    f"{_SERVICE}/ListEngines": SEE_RUNNING,
    f"{_SERVICE}/Register": SERVE,
    f"{_SERVICE}/Deregister": SERVE,
    "/colonnade.api.erasure.v1.ErasureService/Erase": SERVE,
    "/colonnade.api.erasure.v1.ErasureService/ListSubjects": SERVE,
}
