"""What opens something: keys, tokens, passwords. Forms as their issuers document them, and as gitleaks has
them (https://github.com/gitleaks/gitleaks)."""

import re

from colonnade.ethics.scorers.patterns import Part, Pattern, PatternScorer, entropy

_BREAK = r"(?:\s|\\[nrt]){0,4}"  # also as JSON writes it
_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rf"(?:{_BREAK}[A-Z][A-Za-z-]{{1,30}}: [^\n\\]{{1,120}}){{0,3}}"
    rf"(?:{_BREAK}[A-Za-z0-9+/=]{{16,76}}){{1,110}}+"
    rf"(?:{_BREAK}[A-Za-z0-9+/=]{{1,15}})?+"
    rf"(?:{_BREAK}-----END [A-Z0-9 ]{{1,60}}-----)?"
)
_JWT = r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16,1000}"
_ASSIGNED = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret(?:[_ -]?key)?|"
    r"(?:api|access|auth|private|client|encryption|signing)"
    r"[_ -]?(?:key|token|secret)|token|bearer)"
    r"[\"'`]?\s{0,3}(?::=|=>|=|:|\bis\b|(?<=bearer))\s{0,3}[\"'`]?[^\s\"'`,;<>(){}\[\]]{8,200}"
)
_URL = r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@?#\"']{0,128}:[^\s/@?#\"']{1,256}@[A-Za-z0-9\[]"

_TOKENS = (
    ("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])", 21, "an AWS access key id"),
    ("github_token", r"gh[pousr]_[A-Za-z0-9]{36,255}", 260, "a GitHub token"),
    ("github_token", r"github_pat_[A-Za-z0-9_]{22,255}", 267, "a GitHub token"),
    ("gitlab_token", r"glpat-[A-Za-z0-9_-]{20,100}", 107, "a GitLab token"),
    ("slack_token", r"xox[abeoprs]-[A-Za-z0-9-]{10,250}", 256, "a Slack token"),
    ("slack_token", r"https://hooks\.slack\.com/services/T[A-Za-z0-9]{6,14}/B[A-Za-z0-9]{6,14}/"
     r"[A-Za-z0-9]{20,30}", 97,
     "a Slack webhook"),
    ("stripe_key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,200}", 209, "a Stripe key"),
    ("google_api_key", r"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", 40, "a Google API key"),
    ("model_api_key", r"sk-(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{20,200}", 205,
     "a key of a model provider"),
    ("hugging_face_token", r"hf_[A-Za-z0-9]{30,60}", 64, "a Hugging Face token"),
    ("package_token", r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])", 41, "an npm token"),
    ("package_token", r"pypi-AgE[A-Za-z0-9_-]{50,250}", 259, "a PyPI token"),
)  # fmt: skip


def secret_scorer() -> PatternScorer:
    alone = "(?<![A-Za-z0-9])"
    tokens = [
        Pattern(category, form, reach, 0.98, why, before=alone) for category, form, reach, why in _TOKENS
    ]
    return PatternScorer(
        "secrets",
        [
            *tokens,
            Pattern("private_key", _PRIVATE_KEY, 10_800, 1.0, "a private key"),
            Pattern("jwt", _JWT, 7_020, 0.95, "a JSON web token", before=alone),
            Pattern("url_credentials", _URL, 416, 0.95, "a password in an address", _userinfo, alone),
            Pattern(
                "generic_secret", _ASSIGNED, 250, 0.85, "a password or key", _assigned, alone, any_case=True
            ),
        ],
    )


_VALUE = re.compile(r"(?::=|=>|=|:|\bis\b|bearer)\s{0,3}[\"'`]?([^\s\"'`,;<>(){}\[\]]+)\Z", re.I)
_EXAMPLE = re.compile(
    r"example|changeme|your|xxxx|\*{3}|\.{3}|dummy|placeholder|redacted|\A[$%{]|env\b|://", re.I
)


def _assigned(text: str) -> Part | None:
    """The value, where it looks drawn by chance: as varied as characters of a key, and with digits."""
    value = _VALUE.search(text)
    assert value
    written = value[1]
    varied = len(written) >= 8 and entropy(written) >= 2.75 and any(map(str.isdigit, written))
    if not varied or not any(map(str.isalpha, written)) or _EXAMPLE.search(written):
        return None
    score = 0.85 if entropy(written) >= 3.25 or not written.isalnum() else 0.7
    return Part(len(text) - len(written), len(text), score, "what looks like a password or key")


def _userinfo(text: str) -> Part:
    return Part(text.index("://") + 3, len(text) - 2, 0.95, "a user and password in an address")
