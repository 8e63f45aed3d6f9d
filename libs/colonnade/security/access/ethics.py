"""Who may call the ethics service. Screening is for whoever generates; policies decide over everybody."""

from colonnade.security.access.roles import (
    ASSIGN_POLICIES,
    GIVE_FEEDBACK,
    REPORT_BIAS,
    REVIEW_FEEDBACK,
    SCREEN,
    SEE_ADAPTATIONS,
    SEE_BIAS,
    SEE_DECISIONS,
    SEE_POLICIES,
    SEE_REWARDS,
    SERVE,
    STOP_TRAINING,
    TAKE_POLICIES_BACK,
    TRAIN,
    TRY_POLICIES,
)
from colonnade.security.access.table import Table

_SERVICE = "/colonnade.api.ethics.v1.EthicsService"
_POLICIES = "/colonnade.api.ethics.v1.PolicyService"
_DECISIONS = "/colonnade.api.ethics.v1.DecisionService"
_ERASURE = "/colonnade.api.erasure.v1.ErasureService"
_BIAS = "/colonnade.api.ethics.v1.BiasService"
_ADAPTING = "/colonnade.api.ethics.v1.AdaptingService"
_FEEDBACK = "/colonnade.api.ethics.v1.FeedbackService"

RPCS: Table = {
    f"{_SERVICE}/Screen": SCREEN,
    f"{_SERVICE}/GetPolicy": SEE_POLICIES,
    f"{_SERVICE}/TestPolicy": TRY_POLICIES,
    f"{_POLICIES}/ListPolicies": SEE_POLICIES,
    f"{_POLICIES}/GetPolicyVersion": SEE_POLICIES,
    f"{_POLICIES}/PutPolicy": ASSIGN_POLICIES,
    f"{_POLICIES}/ListAssignments": SEE_POLICIES,
    f"{_POLICIES}/AssignPolicy": ASSIGN_POLICIES,
    f"{_POLICIES}/TakeBack": TAKE_POLICIES_BACK,
    f"{_POLICIES}/DryRun": ASSIGN_POLICIES,
    f"{_DECISIONS}/ListDecisions": SEE_DECISIONS,
    f"{_DECISIONS}/SummariseDecisions": SEE_DECISIONS,
    f"{_ERASURE}/Erase": SERVE,
    f"{_ERASURE}/ListSubjects": SERVE,
    f"{_BIAS}/StartReport": REPORT_BIAS,
    f"{_BIAS}/GetReport": SEE_BIAS,
    f"{_BIAS}/ListReports": SEE_BIAS,
    f"{_BIAS}/GetLive": SEE_BIAS,
    f"{_BIAS}/Judge": SERVE,
    f"{_ADAPTING}/StartAdaptation": TRAIN,
    f"{_ADAPTING}/GetAdaptation": SEE_ADAPTATIONS,
    f"{_ADAPTING}/ListAdaptations": SEE_ADAPTATIONS,
    f"{_ADAPTING}/CancelAdaptation": STOP_TRAINING,
    f"{_ADAPTING}/ListAdaptationPairs": REVIEW_FEEDBACK,
    f"{_FEEDBACK}/GiveFeedback": GIVE_FEEDBACK,
    f"{_FEEDBACK}/ListFeedback": GIVE_FEEDBACK,
    f"{_FEEDBACK}/GetFeedback": GIVE_FEEDBACK,
    f"{_FEEDBACK}/WithdrawFeedback": GIVE_FEEDBACK,
    f"{_FEEDBACK}/ReviewFeedback": REVIEW_FEEDBACK,
    f"{_FEEDBACK}/ListPairs": REVIEW_FEEDBACK,
    f"{_FEEDBACK}/TrainReward": REVIEW_FEEDBACK,
    f"{_FEEDBACK}/ListRewardModels": SEE_REWARDS,
    f"{_FEEDBACK}/GetRewardModel": SEE_REWARDS,
    f"{_FEEDBACK}/ScoreAnswers": REVIEW_FEEDBACK,
}
