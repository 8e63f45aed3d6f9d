"""Harm that is told by its wording alone: few patterns that hardly ever mean anything else.

They are the floor where no classifier is: whoever words it otherwise is not found."""

from colonnade.ethics.scorers.injection import words
from colonnade.ethics.scorers.patterns import Pattern, PatternScorer

_MAKE = r"(?:make|build|construct|create|synthesi[sz]e|produce|cook|prepare|assemble)"
_WEAPON = (
    r"(?:pipe bomb|nail bomb|car bomb|dirty bomb|bomb vest|suicide vest|improvised explosive|ied\b|"
    r"nerve agent|nerve gas|"
    r"sarin|vx gas|tabun|novichok|mustard gas|ricin|weaponi[sz]ed anthrax|anthrax weapon|chemical weapon|"
    r"biological weapon|"
    r"bioweapon)"
)
_WORDINGS = (
    ("weapons", rf"(?:how (?:to|do i|can i|do you|would i|could i)|(?:steps|instructions|guide|recipe|"
    rf"tutorial) "
     rf"(?:to|for|on)(?: how to)?|(?:teach|show|tell|"
     rf"help) me(?: how)?(?: to)?)\b{words(2)}{_MAKE}\w{{0,3}}{words(4)}{_WEAPON}",
     0.92, "a request to make a weapon that kills many"),
    ("urging", r"(?:you should (?:just )?|(?:just )?go (?:and )?|please )kill yourself\b|kys\b|"
     r"you(?:'d| would) be better off dead\b|the world (?:is|would be) better (?:off )?without you\b",
     0.9, "words that urge somebody to end their life"),
    ("self_harm", rf"(?:painless|easiest|quickest|best|most effective)\b{words(1)}(?:way|"
    rf"method)s?\b{words(2)}"
     r"(?:kill myself|commit suicide|end my life)\b", 0.9, "a request for ways to end one's life"),
    ("minors", rf"(?:sexual|sexy|erotic|nude|naked|porn\w{{0,8}}|explicit)\b{words(4)}"
     r"(?:child(?:ren)?|minors?|preteens?|toddlers?|under-?age|(?:[1-9]|1[0-7])[ -]year[ -]old)\b",
     0.7, "a mention of minors and sex"),
)  # fmt: skip


def harm_scorer() -> PatternScorer:
    return PatternScorer(
        "harm",
        [
            Pattern(category, expression, 300, score, why, before=r"\b", any_case=True)
            for category, expression, score, why in _WORDINGS
        ],
    )
