"""Who may call the registry."""

from colonnade.security.access.roles import CHANGE_MODELS, MANAGE_WEBHOOKS, SEE_MODELS, SERVE, UPKEEP
from colonnade.security.access.table import Table

_SERVICE = "/colonnade.api.registry.v1.RegistryService"
_CATALOGUE = "/colonnade.api.registry.v1.CatalogueService"
_SEALS = "/colonnade.api.registry.v1.SealService"
_ROLLOUTS = "/colonnade.api.registry.v1.RolloutService"
_UPKEEP = "/colonnade.api.registry.v1.UpkeepService"
_DRAFTS = "/colonnade.api.registry.v1.DraftService"
_LINEAGE = "/colonnade.api.registry.v1.LineageService"
_EVALUATIONS = "/colonnade.api.registry.v1.EvaluationService"
_EVENTS = "/colonnade.api.registry.v1.EventService"

RPCS: Table = {
    f"{_SERVICE}/ListModels": SEE_MODELS,
    f"{_SERVICE}/GetModel": SEE_MODELS,
    f"{_SERVICE}/Resolve": SEE_MODELS,
    f"{_SERVICE}/GetManifest": SEE_MODELS,
    f"{_SERVICE}/SetAlias": CHANGE_MODELS,
    f"{_SERVICE}/DeleteAlias": CHANGE_MODELS,
    f"{_SERVICE}/ImportModel": CHANGE_MODELS,
    f"{_CATALOGUE}/DescribeModel": CHANGE_MODELS,
    f"{_CATALOGUE}/GetVersion": SEE_MODELS,
    f"{_CATALOGUE}/DescribeVersion": CHANGE_MODELS,
    f"{_CATALOGUE}/DeleteVersion": CHANGE_MODELS,
    f"{_CATALOGUE}/DeleteModel": CHANGE_MODELS,
    f"{_CATALOGUE}/RenameModel": CHANGE_MODELS,
    f"{_CATALOGUE}/SearchModels": SEE_MODELS,
    f"{_CATALOGUE}/SearchVersions": SEE_MODELS,
    f"{_SEALS}/ListSeals": SEE_MODELS,
    f"{_SEALS}/GetSeal": SEE_MODELS,
    f"{_SEALS}/Sign": CHANGE_MODELS,
    f"{_ROLLOUTS}/StartRollout": CHANGE_MODELS,
    f"{_ROLLOUTS}/GetRollout": SEE_MODELS,
    f"{_ROLLOUTS}/ListRollouts": SEE_MODELS,
    f"{_ROLLOUTS}/ChangeRollout": CHANGE_MODELS,
    f"{_ROLLOUTS}/ListPolicies": SEE_MODELS,
    f"{_ROLLOUTS}/ReportOutcomes": SERVE,
    f"{_UPKEEP}/CollectGarbage": UPKEEP,
    f"{_UPKEEP}/Backup": UPKEEP,
    f"{_DRAFTS}/BeginVersion": CHANGE_MODELS,
    f"{_DRAFTS}/GetDraft": SEE_MODELS,
    f"{_DRAFTS}/ListDrafts": SEE_MODELS,
    f"{_DRAFTS}/OpenFile": CHANGE_MODELS,
    f"{_DRAFTS}/WriteFile": CHANGE_MODELS,
    f"{_DRAFTS}/SealVersion": CHANGE_MODELS,
    f"{_DRAFTS}/DiscardDraft": CHANGE_MODELS,
    f"{_DRAFTS}/ReadFile": SEE_MODELS,
    f"{_LINEAGE}/RecordLineage": CHANGE_MODELS,
    f"{_LINEAGE}/TraceLineage": SEE_MODELS,
    f"{_EVALUATIONS}/RecordEvaluation": CHANGE_MODELS,
    f"{_EVALUATIONS}/ListEvaluations": SEE_MODELS,
    f"{_EVENTS}/WatchEvents": SEE_MODELS,
    f"{_EVENTS}/CreateWebhook": MANAGE_WEBHOOKS,
    f"{_EVENTS}/ListWebhooks": MANAGE_WEBHOOKS,
    f"{_EVENTS}/DeleteWebhook": MANAGE_WEBHOOKS,
    f"{_EVENTS}/ResumeWebhook": MANAGE_WEBHOOKS,
    "/colonnade.api.erasure.v1.ErasureService/Erase": SERVE,
    "/colonnade.api.erasure.v1.ErasureService/ListSubjects": SERVE,
}
