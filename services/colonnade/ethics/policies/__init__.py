"""Policies as YAML: read strictly, named by a digest, tested before they are used."""

from colonnade.ethics.checking import check_scorers
from colonnade.ethics.policies.loading import default_policy, policies_in, policy_of
from colonnade.ethics.policies.trials import Outcome, run_tests

__all__ = ["Outcome", "check_scorers", "default_policy", "policies_in", "policy_of", "run_tests"]
