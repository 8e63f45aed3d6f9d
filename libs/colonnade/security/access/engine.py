"""Who may call the engine. A user's own principal travels on the calls that inference forwards."""

from colonnade.security.access.roles import GENERATE, RUN, SEE_RUNNING
from colonnade.security.access.table import Table

_SERVICE = "/colonnade.api.engine.v1.EngineService"

RPCS: Table = {
    f"{_SERVICE}/Submit": GENERATE,
    f"{_SERVICE}/Abort": GENERATE,
    f"{_SERVICE}/Score": GENERATE,
    f"{_SERVICE}/Embed": GENERATE,
    f"{_SERVICE}/Tokenize": GENERATE,
    f"{_SERVICE}/Detokenize": GENERATE,
    f"{_SERVICE}/Load": RUN,
    f"{_SERVICE}/Unload": RUN,
    f"{_SERVICE}/LoadAdapter": RUN,
    f"{_SERVICE}/UnloadAdapter": RUN,
    f"{_SERVICE}/Stats": SEE_RUNNING,
}
