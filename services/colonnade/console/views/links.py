"""The addresses of pages; no name in them leads elsewhere."""

from urllib.parse import quote, urlencode


def model_link(model: str) -> str:
    return f"/models/{quote(model, safe='')}"


def version_link(model: str, version: int) -> str:
    return f"{model_link(model)}/versions/{version}"


def rollout_link(rollout: str) -> str:
    return f"/rollouts/{quote(rollout, safe='')}"


def asking_link(reference: str) -> str:
    """The playground, at a model's alias or version."""
    return f"/?{urlencode({'model': reference})}"


def job_link(job: str) -> str:
    return f"/training/jobs/{quote(job, safe='')}"


def submitting_link(like: str = "") -> str:
    """A new recipe; ``like``: the job whose recipe it begins as."""
    return f"/training/new?{urlencode({'like': like})}" if like else "/training/new"


def comparing_link(job: str = "") -> str:
    """Two runs side by side, of which the one is given."""
    return f"/training/compare?{urlencode({'one': job})}" if job else "/training/compare"


def policy_link(name: str = "", version: str = "") -> str:
    """A policy to be read and changed, by default a new one, by default its latest version."""
    asked = {key: value for key, value in (("name", name), ("version", version)) if value}
    return f"/ethics/policy?{urlencode(asked)}" if asked else "/ethics/policy"
