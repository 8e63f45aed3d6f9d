"""MLflow's client tells its makers of its use unless it is told not to, before it is imported."""

import os

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
