"""What was measured of versions, by whom, on what."""

from colonnade.registry.evaluations.evaluation import Evaluation, Measured, check_measured, evaluation_id

__all__ = ["Evaluation", "Measured", "check_measured", "evaluation_id"]
