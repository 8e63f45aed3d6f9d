"""Attempts to turn a model against its operator: prompt injection and jailbreaks, as they are commonly worded
(OWASP LLM01; Liu et al. 2023, https://arxiv.org/abs/2305.13860). English: other
languages are for classifiers."""

from colonnade.ethics.scorers.patterns import Pattern, PatternScorer

_ORDERS = (
    r"(?:instructions?|prompts?|rules|directives?|guidelines|programming|training|commands|restrictions)"
)
_SOURCE = (
    r"(?:previous|prior|above|earlier|preceding|initial|original|system|developer|existing|current|"
    r"former|safety)"
)
_FREE = (
    r"(?:dan\b|do anything now|jail ?broken|unrestricted|unfiltered|uncensored|developer mode|god mode|"
    r"evil mode|"
    r"(?:no|without(?: any)?|free of(?: all)?) (?:rules|restrictions|filters?|limits|limitations|"
    r"guidelines|ethics|morals?))"
)


def words(most: int) -> str:
    """A gap of at most so many words."""
    return rf"(?:[^\w\n]{{1,3}}\w{{1,15}}){{0,{most}}}?[^\w\n]{{1,3}}"


_WORDINGS = (
    ("override", rf"(?:ignore|disregard|forget|override|bypass|"
    rf"discard)\b{words(3)}{_SOURCE}\b{words(2)}{_ORDERS}\b",
     0.95, "an order to ignore the instructions"),
    ("override", rf"(?:ignore|disregard|forget)\b{words(1)}(?:all|any|everything)\b{words(3)}"
     rf"(?:{_ORDERS}|you(?:'ve| have)? (?:were|been) told)\b", 0.9, "an order to ignore the instructions"),
    ("override", r"(?:new|updated|real) (?:system )?instructions? ?:", 0.7, "what poses as new instructions"),
    ("jailbreak", rf"(?:you are now|act as|pretend (?:to be|you are|that you are)|you will be|enter|"
    rf"enable|switch to|"
     rf"respond as|roleplay as)\b{words(8)}{_FREE}", 0.92, "a request to act without rules"),
    ("jailbreak", rf"(?:you have|answer|respond|reply)\b{words(3)}(?:no|without(?: any)?)(?: ethical|"
    rf" moral| content| safety)? "
     r"(?:restrictions|filters?|limitations|censorship|guidelines)\b", 0.7, "a request to act without rules"),
    ("reveal", rf"(?:reveal|show|print|repeat|output|leak|display|give me|tell me|write out)\b{words(4)}"
     r"(?:system|hidden|initial|secret|developer)[^\w\n]{1,3}(?:prompts?|instructions?|messages?)\b",
     0.8, "a request for the hidden instructions"),
    ("exfiltrate", rf"(?:do not|don't|never)\b{words(1)}(?:tell|inform|mention|alert|"
    rf"warn)\b{words(4)}(?:the )?user\b",
     0.7, "an order to hide something from the user"),
    ("markers", r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|>|"
    r"<<SYS>>|\[/?INST\]",
     0.6, "marks of a chat template"),
)  # fmt: skip

_BEFORE = {each[0]: "" if each[0] == "markers" else r"\b" for each in _WORDINGS}


def injection_scorer() -> PatternScorer:
    return PatternScorer(
        "injection",
        [
            Pattern(category, expression, 320, score, why, before=_BEFORE[category], any_case=True)
            for category, expression, score, why in _WORDINGS
        ],
    )
