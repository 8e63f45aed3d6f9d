"""Who may call the registry."""

from colonnade.security.access.roles import CHANGE_MODELS, SEE_MODELS, SERVE
from colonnade.security.access.table import Table

_SERVICE = "/colonnade.api.registry.v1.RegistryService"
_ROLLOUTS = "/colonnade.api.registry.v1.RolloutService"

RPCS: Table = {
    f"{_SERVICE}/ListModels": SEE_MODELS,
    f"{_SERVICE}/GetModel": SEE_MODELS,
    f"{_SERVICE}/Resolve": SEE_MODELS,
    f"{_SERVICE}/GetManifest": SEE_MODELS,
    f"{_SERVICE}/SetAlias": CHANGE_MODELS,
    f"{_SERVICE}/DeleteAlias": CHANGE_MODELS,
    f"{_SERVICE}/ImportModel": CHANGE_MODELS,
    f"{_ROLLOUTS}/StartRollout": CHANGE_MODELS,
    f"{_ROLLOUTS}/GetRollout": SEE_MODELS,
    f"{_ROLLOUTS}/ListRollouts": SEE_MODELS,
    f"{_ROLLOUTS}/ChangeRollout": CHANGE_MODELS,
    f"{_ROLLOUTS}/ListPolicies": SEE_MODELS,
    f"{_ROLLOUTS}/ReportOutcomes": SERVE,
}
