"""``/mlflow``: the model registry as MLflow's clients speak to it."""
