"""Who may call the training service. Whose jobs they are is decided behind the door."""

from colonnade.security.access.roles import SEE_RUNNING, SERVE, STOP_TRAINING, TRAIN
from colonnade.security.access.table import Table

_SERVICE = "/colonnade.api.training.v1.TrainingService"

RPCS: Table = {
    f"{_SERVICE}/SubmitJob": TRAIN,
    f"{_SERVICE}/GetJob": SEE_RUNNING,
    f"{_SERVICE}/ListJobs": SEE_RUNNING,
    f"{_SERVICE}/CancelJob": STOP_TRAINING,
    f"{_SERVICE}/ResumeJob": TRAIN,
    f"{_SERVICE}/RetryJob": TRAIN,
    f"{_SERVICE}/WatchMetrics": SEE_RUNNING,
    f"{_SERVICE}/ReadLogs": SEE_RUNNING,
    "/colonnade.api.erasure.v1.ErasureService/Erase": SERVE,
    "/colonnade.api.erasure.v1.ErasureService/ListSubjects": SERVE,
}
