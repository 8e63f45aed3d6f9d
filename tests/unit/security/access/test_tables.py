"""Every RPC and route against every role, cell by cell, written out here and nowhere derived."""

import pytest
from google.protobuf.descriptor import FileDescriptor

from colonnade.api.engine.v1 import engine_pb2
from colonnade.api.erasure.v1 import erasure_pb2, subjects_pb2
from colonnade.api.ethics.v1 import (
    adapting_pb2,
    bias_pb2,
    decisions_pb2,
    ethics_pb2,
    feedback_pb2,
    policies_pb2,
)
from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.memory.v1 import memory_pb2
from colonnade.api.registry.v1 import (
    catalogue_pb2,
    drafts_pb2,
    evaluations_pb2,
    events_pb2,
    lineage_pb2,
    registry_pb2,
    rollouts_pb2,
    seals_pb2,
    upkeep_pb2,
)
from colonnade.api.training.v1 import training_pb2
from colonnade.errors import PermissionDenied, Unauthenticated
from colonnade.security.access import (
    PUBLIC,
    Table,
    allowed,
    check,
    engine,
    ethics,
    gateway,
    inference,
    memory,
    registry,
    training,
)
from colonnade.security.identity import Principal, Role

COLUMNS = (Role.ADMIN, Role.OPERATOR, Role.MODEL_ENGINEER, Role.CALLER, Role.AUDITOR, Role.SERVICE)
ENGINE, INFERENCE, REGISTRY, ROLLOUTS, EVENTS = (
    "/colonnade.api.engine.v1.EngineService",
    "/colonnade.api.inference.v1.InferenceService",
    "/colonnade.api.registry.v1.RegistryService",
    "/colonnade.api.registry.v1.RolloutService",
    "/colonnade.api.registry.v1.EventService",
)
CATALOGUE = "/colonnade.api.registry.v1.CatalogueService"
SEALS = "/colonnade.api.registry.v1.SealService"
UPKEEP = "/colonnade.api.registry.v1.UpkeepService"
DRAFTS = "/colonnade.api.registry.v1.DraftService"
LINEAGE = "/colonnade.api.registry.v1.LineageService"
EVALUATIONS = "/colonnade.api.registry.v1.EvaluationService"
TRAINING = "/colonnade.api.training.v1.TrainingService"
SUBJECTS = "/colonnade.api.erasure.v1.SubjectService"
MEMORY, DOCUMENTS = (
    "/colonnade.api.memory.v1.MemoryService",
    "/colonnade.api.memory.v1.DocumentService",
)
ETHICS = "/colonnade.api.ethics.v1.EthicsService"
ERASURE = "/colonnade.api.erasure.v1.ErasureService"
POLICIES = "/colonnade.api.ethics.v1.PolicyService"
DECISIONS = "/colonnade.api.ethics.v1.DecisionService"
ADAPTING = "/colonnade.api.ethics.v1.AdaptingService"
BIAS = "/colonnade.api.ethics.v1.BiasService"
FEEDBACK = "/colonnade.api.ethics.v1.FeedbackService"

# admin, operator, model engineer, caller, auditor, service: x may call.
RPCS = {
    f"{ENGINE}/Submit":             "xxxx.x",
    f"{ENGINE}/Abort":              "xxxx.x",
    f"{ENGINE}/Score":              "xxxx.x",
    f"{ENGINE}/Embed":              "xxxx.x",
    f"{ENGINE}/Tokenize":           "xxxx.x",
    f"{ENGINE}/Detokenize":         "xxxx.x",
    f"{ENGINE}/Load":               "xx...x",
    f"{ENGINE}/Unload":             "xx...x",
    f"{ENGINE}/LoadAdapter":        "xx...x",
    f"{ENGINE}/UnloadAdapter":      "xx...x",
    f"{ENGINE}/Stats":              "xxx.xx",
    f"{INFERENCE}/Generate":        "xxxx.x",
    f"{INFERENCE}/GenerateWhole":   "xxxx.x",
    f"{INFERENCE}/Score":           "xxxx.x",
    f"{INFERENCE}/Embed":           "xxxx.x",
    f"{INFERENCE}/Tokenize":        "xxxx.x",
    f"{INFERENCE}/Detokenize":      "xxxx.x",
    f"{INFERENCE}/Abort":           "xxxx.x",
    f"{INFERENCE}/Prepare":         "xxx..x",
    f"{INFERENCE}/PurgeCache":      "xxx..x",
    f"{INFERENCE}/GetCache":        "xxx.xx",
    f"{INFERENCE}/ListEngines":     "xxx.xx",
    f"{INFERENCE}/Register":        ".....x",
    f"{INFERENCE}/Deregister":      ".....x",
    f"{REGISTRY}/ListModels":       "xxxxxx",
    f"{REGISTRY}/GetModel":         "xxxxxx",
    f"{REGISTRY}/Resolve":          "xxxxxx",
    f"{REGISTRY}/GetManifest":      "xxxxxx",
    f"{REGISTRY}/SetAlias":         "x.x...",
    f"{REGISTRY}/DeleteAlias":      "x.x...",
    f"{REGISTRY}/ImportModel":      "x.x...",
    f"{ROLLOUTS}/StartRollout":     "x.x...",
    f"{ROLLOUTS}/GetRollout":       "xxxxxx",
    f"{ROLLOUTS}/ListRollouts":     "xxxxxx",
    f"{ROLLOUTS}/ChangeRollout":    "x.x...",
    f"{ROLLOUTS}/ListPolicies":     "xxxxxx",
    f"{ROLLOUTS}/ReportOutcomes":   ".....x",
    f"{EVENTS}/WatchEvents":        "xxxxxx",
    f"{EVENTS}/CreateWebhook":      "x.....",
    f"{EVENTS}/ListWebhooks":       "x.....",
    f"{EVENTS}/DeleteWebhook":      "x.....",
    f"{EVENTS}/ResumeWebhook":      "x.....",
    f"{CATALOGUE}/DescribeModel":   "x.x...",
    f"{CATALOGUE}/GetVersion":      "xxxxxx",
    f"{CATALOGUE}/DescribeVersion": "x.x...",
    f"{CATALOGUE}/DeleteVersion":   "x.x...",
    f"{CATALOGUE}/DeleteModel":     "x.x...",
    f"{CATALOGUE}/RenameModel":     "x.x...",
    f"{CATALOGUE}/SearchModels":    "xxxxxx",
    f"{CATALOGUE}/SearchVersions":  "xxxxxx",
    f"{SEALS}/ListSeals":           "xxxxxx",
    f"{SEALS}/GetSeal":             "xxxxxx",
    f"{SEALS}/Sign":                "x.x...",
    f"{UPKEEP}/CollectGarbage":     "xx....",
    f"{UPKEEP}/Backup":             "xx....",
    f"{DRAFTS}/BeginVersion":       "x.x...",
    f"{DRAFTS}/GetDraft":           "xxxxxx",
    f"{DRAFTS}/ListDrafts":         "xxxxxx",
    f"{DRAFTS}/OpenFile":           "x.x...",
    f"{DRAFTS}/WriteFile":          "x.x...",
    f"{DRAFTS}/SealVersion":        "x.x...",
    f"{DRAFTS}/DiscardDraft":       "x.x...",
    f"{DRAFTS}/ReadFile":           "xxxxxx",
    f"{LINEAGE}/RecordLineage":     "x.x...",
    f"{LINEAGE}/TraceLineage":      "xxxxxx",
    f"{EVALUATIONS}/RecordEvaluation": "x.x...",
    f"{EVALUATIONS}/ListEvaluations": "xxxxxx",
    f"{TRAINING}/SubmitJob":        "x.x...",
    f"{TRAINING}/GetJob":           "xxx.xx",
    f"{TRAINING}/ListJobs":         "xxx.xx",
    f"{TRAINING}/CancelJob":        "xxx...",
    f"{TRAINING}/ResumeJob":        "x.x...",
    f"{TRAINING}/RetryJob":         "x.x...",
    f"{TRAINING}/WatchMetrics":     "xxx.xx",
    f"{TRAINING}/ReadLogs":         "xxx.xx",
    f"{MEMORY}/Remember":        "xxxx.x",
    f"{MEMORY}/Search":          "xxxx.x",
    f"{MEMORY}/Recall":          "xxxx.x",
    f"{MEMORY}/ListMemories":    "xxxx.x",
    f"{MEMORY}/GetMemory":       "xxxx.x",
    f"{MEMORY}/ReviseMemory":    "xxxx.x",
    f"{MEMORY}/ForgetMemory":    "xxxx.x",
    f"{MEMORY}/RateMemory":      "xxxx.x",
    f"{MEMORY}/ListSessions":    "xxxx.x",
    f"{MEMORY}/EndSession":      "xxxx.x",
    f"{DOCUMENTS}/AddDocument": "xxxx.x",
    f"{DOCUMENTS}/ListDocuments": "xxxx.x",
    f"{DOCUMENTS}/GetDocument": "xxxx.x",
    f"{DOCUMENTS}/DeleteDocument": "xxxx.x",
    f"{MEMORY}/RememberExchange": "xxxx.x",
    f"{SUBJECTS}/EraseSubject": "xxxx..",
    f"{SUBJECTS}/GetErasure":   "xxxxx.",
    f"{SUBJECTS}/ListErasures": "x...x.",
    f"{SUBJECTS}/GetReceiptKey": "xxxxx.",
    f"{FEEDBACK}/GiveFeedback":     "xxxx..",
    f"{FEEDBACK}/ListFeedback":     "xxxx..",
    f"{FEEDBACK}/GetFeedback":      "xxxx..",
    f"{FEEDBACK}/WithdrawFeedback": "xxxx..",
    f"{FEEDBACK}/ReviewFeedback":   "x.x...",
    f"{FEEDBACK}/ListPairs":        "x.x...",
    f"{FEEDBACK}/TrainReward":      "x.x...",
    f"{FEEDBACK}/ListRewardModels": "x.x.x.",
    f"{FEEDBACK}/GetRewardModel":   "x.x.x.",
    f"{FEEDBACK}/ScoreAnswers":     "x.x...",
    f"{ADAPTING}/StartAdaptation":     "x.x...",
    f"{ADAPTING}/GetAdaptation":       "xxx.x.",
    f"{ADAPTING}/ListAdaptations":     "xxx.x.",
    f"{ADAPTING}/CancelAdaptation":    "xxx...",
    f"{ADAPTING}/ListAdaptationPairs": "x.x...",
    f"{BIAS}/StartReport":       "x.x...",
    f"{BIAS}/GetReport":         "xxx.x.",
    f"{BIAS}/ListReports":       "xxx.x.",
    f"{BIAS}/GetLive":           "xxx.x.",
    f"{BIAS}/Judge":             ".....x",
    f"{ETHICS}/Screen":          "xxxx.x",
    f"{ETHICS}/GetPolicy":       "xxx.x.",
    f"{ETHICS}/TestPolicy":      "xxx...",
    f"{ERASURE}/Erase":             ".....x",
    f"{ERASURE}/ListSubjects":      ".....x",
    f"{POLICIES}/ListPolicies":     "xxx.x.",
    f"{POLICIES}/GetPolicyVersion": "xxx.x.",
    f"{POLICIES}/PutPolicy":        "x.....",
    f"{POLICIES}/ListAssignments":  "xxx.x.",
    f"{POLICIES}/AssignPolicy":     "x.....",
    f"{POLICIES}/TakeBack":         "xx....",
    f"{POLICIES}/DryRun":           "x.....",
    f"{DECISIONS}/ListDecisions":   "xx..x.",
    f"{DECISIONS}/SummariseDecisions": "xx..x.",
}  # fmt: skip

# The same, and last whether somebody without an identity may.
ROUTES = {
    "POST /generate":                         "xxxx...",
    "POST /embed":                            "xxxx...",
    "POST /score":                            "xxxx...",
    "POST /tokenize":                         "xxxx...",
    "POST /detokenize":                       "xxxx...",
    "POST /v1/chat/completions":              "xxxx...",
    "POST /v1/completions":                   "xxxx...",
    "POST /v1/embeddings":                    "xxxx...",
    "POST /v1/responses":                     "xxxx...",
    "GET /v1/models":                         "xxxxx..",
    "GET /v1/models/{model}":                 "xxxxx..",
    "POST /v1/files":                      "xxxx...",
    "GET /v1/files":                       "xxxx...",
    "GET /v1/files/{file}":                "xxxx...",
    "GET /v1/files/{file}/content":        "xxxx...",
    "DELETE /v1/files/{file}":             "xxxx...",
    "POST /v1/batches":                    "xxxx...",
    "GET /v1/batches":                     "xxxx...",
    "GET /v1/batches/{batch}":             "xxxx...",
    "POST /v1/batches/{batch}/cancel":     "xxxx...",
    "GET /models":                            "xxxxx..",
    "GET /models/{name}":                     "xxxxx..",
    "POST /models/import":                    "x.x....",
    "POST /models/{name}/prepare":            "xxx....",
    "PUT /models/{name}/aliases/{alias}":     "x.x....",
    "DELETE /models/{name}/aliases/{alias}":  "x.x....",
    "POST /rollouts":                         "x.x....",
    "GET /rollouts":                          "xxxxx..",
    "GET /rollouts/{id}":                     "xxxxx..",
    "POST /rollouts/{id}/pause":              "x.x....",
    "POST /rollouts/{id}/resume":             "x.x....",
    "POST /rollouts/{id}/promote":            "x.x....",
    "POST /rollouts/{id}/roll_back":          "x.x....",
    "GET /policies":                          "xxxxx..",
    "POST /training/jobs":                    "x.x....",
    "GET /training/jobs":                     "xxx.x..",
    "GET /training/jobs/{id}":                "xxx.x..",
    "POST /training/jobs/{id}/cancel":        "xxx....",
    "POST /training/jobs/{id}/resume":        "x.x....",
    "POST /training/jobs/{id}/retry":         "x.x....",
    "GET /training/jobs/{id}/metrics":        "xxx.x..",
    "GET /training/jobs/{id}/logs":           "xxx.x..",
    "POST /memory/remember":                  "xxxx...",
    "POST /memory/search":                    "xxxx...",
    "POST /memory/list":                      "xxxx...",
    "POST /memory/get":                       "xxxx...",
    "POST /memory/revise":                    "xxxx...",
    "POST /memory/forget":                    "xxxx...",
    "POST /memory/rate":                      "xxxx...",
    "POST /memory/sessions":                  "xxxx...",
    "POST /memory/sessions/end":              "xxxx...",
    "POST /memory/documents":                 "xxxx...",
    "GET /memory/documents":                  "xxxx...",
    "GET /memory/documents/{id}":             "xxxx...",
    "DELETE /memory/documents/{id}":          "xxxx...",
    "GET /screening/policies":                "xxx.x..",
    "GET /screening/policies/{name}":         "xxx.x..",
    "PUT /screening/policies/{name}":         "x......",
    "POST /screening/policies/test":          "xxx....",
    "POST /screening/dry-runs":               "x......",
    "GET /screening/assignments":             "xxx.x..",
    "POST /screening/assignments":            "x......",
    "POST /screening/assignments/take-back":  "xx.....",
    "GET /screening/decisions":               "xx..x..",
    "GET /screening/decisions/summary":       "xx..x..",
    "POST /feedback":                         "xxxx...",
    "GET /feedback":                          "xxxx...",
    "GET /feedback/pairs":                    "x.x....",
    "GET /feedback/{id}":                     "xxxx...",
    "POST /feedback/{id}/review":             "x.x....",
    "DELETE /feedback/{id}":                  "xxxx...",
    "POST /reward-models":                    "x.x....",
    "GET /reward-models":                     "x.x.x..",
    "GET /reward-models/{id}":                "x.x.x..",
    "GET /reward-models/{id}/weights":        "x.x.x..",
    "POST /reward-models/score":              "x.x....",
    "POST /bias/reports":                     "x.x....",
    "GET /bias/reports":                      "xxx.x..",
    "GET /bias/reports/{id}":                 "xxx.x..",
    "GET /bias/live":                         "xxx.x..",
    "POST /adaptations":                      "x.x....",
    "GET /adaptations":                       "xxx.x..",
    "GET /adaptations/{id}":                  "xxx.x..",
    "POST /adaptations/{id}/cancel":          "xxx....",
    "GET /adaptations/{id}/pairs":            "x.x....",
    "DELETE /subjects/{id}":                  "xxxx...",
    "GET /erasures":                          "x...x..",
    "GET /erasures/key":                      "xxxxx..",
    "GET /erasures/{id}":                     "xxxxx..",
    "GET /events":                            "xxxxx..",
    "POST /webhooks":                         "x......",
    "GET /webhooks":                          "x......",
    "DELETE /webhooks/{id}":                  "x......",
    "POST /webhooks/{id}/resume":             "x......",
    "GET /engines":                           "xxx.x..",
    "GET /cache":                             "xxx.x..",
    "DELETE /cache":                          "xxx....",
    "GET /whoami":                            "xxxxx..",
    "POST /keys":                             "x......",
    "GET /keys":                              "x...x..",
    "DELETE /keys/{id}":                      "x......",
    "POST /keys/{id}/rotate":                 "x......",
    "GET /usage":                             "xxxxx..",
    "GET /limits":                            "x...x..",
    "GET /limits/me":                         "xxxx...",
    "GET /limits/keys/{id}":                  "x...x..",
    "PUT /limits/keys/{id}":                  "x......",
    "DELETE /limits/keys/{id}":               "x......",
    "GET /limits/tenants/{tenant}":           "x...x..",
    "PUT /limits/tenants/{tenant}":           "x......",
    "DELETE /limits/tenants/{tenant}":        "x......",
    "GET /limits/tenants/{tenant}/models/{model}": "x...x..",
    "PUT /limits/tenants/{tenant}/models/{model}": "x......",
    "DELETE /limits/tenants/{tenant}/models/{model}": "x......",
    "GET /health/live":                       "xxxxxxx",
    "GET /health/ready":                      "xxxxxxx",
    "GET /version":                           "xxxxxxx",
    "GET /v2":                                "xxxxxxx",
    "GET /v2/health/live":                    "xxxxxxx",
    "GET /v2/health/ready":                   "xxxxxxx",
    "GET /v2/models/{model}":                 "xxxxx..",
    "GET /v2/models/{model}/ready":           "xxxxx..",
    "POST /v2/models/{model}/generate":       "xxxx...",
    "POST /v2/models/{model}/generate_stream": "xxxx...",
    "GET /v2/models/{model}/versions/{version}": "xxxxx..",
    "GET /v2/models/{model}/versions/{version}/ready": "xxxxx..",
    "POST /v2/models/{model}/versions/{version}/generate": "xxxx...",
    "POST /v2/models/{model}/versions/{version}/generate_stream": "xxxx...",
    "POST /mlflow/api/2.0/mlflow/registered-models/create": "x.x....",
    "GET /mlflow/api/2.0/mlflow/registered-models/get": "xxxxx..",
    "POST /mlflow/api/2.0/mlflow/registered-models/rename": "x.x....",
    "PATCH /mlflow/api/2.0/mlflow/registered-models/update": "x.x....",
    "DELETE /mlflow/api/2.0/mlflow/registered-models/delete": "x.x....",
    "GET /mlflow/api/2.0/mlflow/registered-models/search": "xxxxx..",
    "POST /mlflow/api/2.0/mlflow/registered-models/get-latest-versions": "xxxxx..",
    "POST /mlflow/api/2.0/mlflow/registered-models/set-tag": "x.x....",
    "DELETE /mlflow/api/2.0/mlflow/registered-models/delete-tag": "x.x....",
    "POST /mlflow/api/2.0/mlflow/registered-models/alias": "x.x....",
    "DELETE /mlflow/api/2.0/mlflow/registered-models/alias": "x.x....",
    "GET /mlflow/api/2.0/mlflow/registered-models/alias": "xxxxx..",
    "POST /mlflow/api/2.0/mlflow/model-versions/create": "x.x....",
    "GET /mlflow/api/2.0/mlflow/model-versions/get": "xxxxx..",
    "GET /mlflow/api/2.0/mlflow/model-versions/search": "xxxxx..",
    "PATCH /mlflow/api/2.0/mlflow/model-versions/update": "x.x....",
    "DELETE /mlflow/api/2.0/mlflow/model-versions/delete": "x.x....",
    "POST /mlflow/api/2.0/mlflow/model-versions/transition-stage": "x.x....",
    "GET /mlflow/api/2.0/mlflow/model-versions/get-download-uri": "xxxxx..",
    "POST /mlflow/api/2.0/mlflow/model-versions/set-tag": "x.x....",
    "DELETE /mlflow/api/2.0/mlflow/model-versions/delete-tag": "x.x....",
    "GET /mlflow/api/2.0/mlflow-artifacts/artifacts": "xxxxx..",
    "GET /mlflow/api/2.0/mlflow-artifacts/artifacts/{name}/{version}/{path}": "xxxxx..",
    "PUT /models/{name}":                     "x.x....",
    "PATCH /models/{name}":                   "x.x....",
    "DELETE /models/{name}":                  "x.x....",
    "POST /models/{name}/rename":             "x.x....",
    "GET /versions":                          "xxxxx..",
    "GET /models/{name}/versions/{version}":  "xxxxx..",
    "PATCH /models/{name}/versions/{version}": "x.x....",
    "DELETE /models/{name}/versions/{version}": "x.x....",
    "GET /models/{name}/versions/{version}/card": "xxxxx..",
    "POST /models/{name}/versions":           "x.x....",
    "GET /models/{name}/versions/{version}/files/{path}": "xxxxx..",
    "GET /models/{name}/drafts":              "xxxxx..",
    "GET /models/{name}/drafts/{number}":     "xxxxx..",
    "DELETE /models/{name}/drafts/{number}":  "x.x....",
    "PUT /models/{name}/drafts/{number}/files": "x.x....",
    "HEAD /models/{name}/drafts/{number}/files/{path}": "x.x....",
    "PATCH /models/{name}/drafts/{number}/files/{path}": "x.x....",
    "POST /models/{name}/drafts/{number}/seal": "x.x....",
    "GET /models/{name}/seals":               "xxxxx..",
    "GET /models/{name}/versions/{version}/seal": "xxxxx..",
    "POST /models/{name}/versions/{version}/seal": "x.x....",
    "GET /lineage":                           "xxxxx..",
    "POST /lineage":                          "x.x....",
    "GET /models/{name}/versions/{version}/evaluations": "xxxxx..",
    "POST /models/{name}/versions/{version}/evaluations": "x.x....",
    "POST /registry/gc":                      "xx.....",
    "POST /registry/backup":                  "xx.....",
    "GET /docs":                              "xxxxxxx",
    "GET /openapi.json":                      "xxxxxxx",
    "GET /metrics":                           "xx..x..",
}  # fmt: skip


def rpcs_of(*files: FileDescriptor) -> set[str]:
    return {
        f"/{service.full_name}/{method.name}"
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    }


OF_ETHICS = (adapting_pb2, bias_pb2, decisions_pb2, erasure_pb2, ethics_pb2, feedback_pb2, policies_pb2)
OF_THE_REGISTRY = (
    catalogue_pb2, drafts_pb2, evaluations_pb2, events_pb2, lineage_pb2, registry_pb2, rollouts_pb2,
    seals_pb2, upkeep_pb2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("table", "files"),
    [
        (engine.RPCS, [engine_pb2.DESCRIPTOR]),
        (inference.RPCS, [inference_pb2.DESCRIPTOR, erasure_pb2.DESCRIPTOR]),
        (registry.RPCS, [erasure_pb2.DESCRIPTOR, *(each.DESCRIPTOR for each in OF_THE_REGISTRY)]),
        (training.RPCS, [training_pb2.DESCRIPTOR, erasure_pb2.DESCRIPTOR]),
        (gateway.RPCS, [erasure_pb2.DESCRIPTOR]),
        (memory.RPCS, [memory_pb2.DESCRIPTOR, subjects_pb2.DESCRIPTOR]),
        (ethics.RPCS, [each.DESCRIPTOR for each in OF_ETHICS]),
    ],
    ids=["engine", "inference", "registry", "training", "gateway", "memory", "ethics"],
)
def test_a_table_lists_exactly_what_its_service_serves(table: Table, files: list[FileDescriptor]) -> None:
    assert rpcs_of(*files)
    assert set(table) == rpcs_of(*files)


def test_every_cell_of_the_rpcs() -> None:
    table = {
        **engine.RPCS, **inference.RPCS, **registry.RPCS, **training.RPCS, **memory.RPCS, **ethics.RPCS
    }  # fmt: skip
    assert set(RPCS) == set(table)
    for rpc, row in RPCS.items():
        for role, cell in zip(COLUMNS, row, strict=True):
            assert allowed(table, rpc, Principal("t", "s", frozenset({role}))) == (cell == "x"), (rpc, role)
        assert not allowed(table, rpc, None)


def test_every_cell_of_the_routes() -> None:
    assert set(ROUTES) == set(gateway.ROUTES)
    for route, row in ROUTES.items():
        for role, cell in zip(COLUMNS, row[:-1], strict=True):
            principal = Principal("t", "s", frozenset({role}))
            assert allowed(gateway.ROUTES, route, principal) == (cell == "x"), (route, role)
        assert allowed(gateway.ROUTES, route, None) == (row[-1] == "x"), route


def test_an_auditor_changes_nothing() -> None:
    auditor = Principal("t", "s", frozenset({Role.AUDITOR}))
    reads = (
        "GET ",
        "HEAD ",
        "/Search",
        "/Trace",
        "/ReadFile",
        "/ReadLogs",
        "/get-latest-versions",
        "/List",
        "/Get",
        "/Resolve",
        "/Stats",
        "/Summarise",
        "/Watch",
    )
    everything = {
        **gateway.ROUTES, **engine.RPCS, **inference.RPCS, **registry.RPCS, **training.RPCS, **memory.RPCS,
        **ethics.RPCS,
    }  # fmt: skip
    may = {key for key in everything if allowed(everything, key, auditor)}
    assert all(any(read in key for read in reads) for key in may)


@pytest.mark.parametrize("key", ["", "GET /", "GET /models/", "get /models", "POST /models", "*"])
def test_what_is_not_listed_is_denied_to_everybody(key: str) -> None:
    almighty = Principal("t", "s", frozenset(Role))
    assert not allowed(gateway.ROUTES, key, almighty)
    with pytest.raises(PermissionDenied, match="nobody may"):
        check(gateway.ROUTES, key, almighty)


def test_a_principal_without_roles_may_do_what_everyone_may() -> None:
    nobody = Principal("t", "s", frozenset())
    may = {route for route in gateway.ROUTES if allowed(gateway.ROUTES, route, nobody)}
    assert may == {route for route in gateway.ROUTES if allowed(gateway.ROUTES, route, None)}


def test_several_roles_add_up() -> None:
    both = Principal("t", "s", frozenset({Role.CALLER, Role.AUDITOR}))
    assert allowed(gateway.ROUTES, "POST /generate", both)
    assert allowed(gateway.ROUTES, "GET /keys", both)


def test_public_is_not_merely_every_role() -> None:
    assert frozenset(Role) == PUBLIC
    assert not allowed({"a": frozenset(Role)}, "a", None)
    assert allowed({"a": PUBLIC}, "a", None)
    assert repr(PUBLIC) == "PUBLIC"


def test_a_refusal_says_what_is_missing() -> None:
    with pytest.raises(Unauthenticated, match="Authorization"):
        check(gateway.ROUTES, "GET /keys", None)
    with pytest.raises(PermissionDenied, match="it takes one of admin, auditor"):
        check(gateway.ROUTES, "GET /keys", Principal("t", "s", frozenset({Role.CALLER})))
    check(gateway.ROUTES, "GET /health/live", None)
