"""The analysis in words: what to use, how sure that is, and at what cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from keras_acts_tuning.analyse._data import Plain
from keras_acts_tuning.analyse._paired import MOST_SEEDS
from keras_acts_tuning.analyse._study import Analysis, Difference

Costs: TypeAlias = Mapping[str, Mapping[str, float | None]]
Kind: TypeAlias = Literal["winner", "better", "open", "unjudged"]


@dataclass(frozen=True, kw_only=True)
class Verdict(Plain):
    """What to do, in words.

    Args:
        kind: `"winner"`: one arm is shown better than every other. `"better"`: some are shown better
            than the reference, none than every other. `"open"`: neither is shown. `"unjudged"`: the
            trials allow no judgement.
        pick: The arm to use; `None` where the data give no reason for one.
        sentences: One to three.
    """

    kind: Kind
    pick: str | None
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.sentences)


def verdict(analysis: Analysis, costs: Costs | None = None) -> Verdict:
    """Say what a study shows in up to three sentences: which arm, how sure, at what cost.

    Args:
        analysis: The study's analysis.
        costs: What arms cost, by measure and arm, less being better; measures are named as they are
            to be read, the one that counts most first: `{"training time": {"relu": 3.1}}`. `None` and
            NaN are "not measured".

    Returns:
        The verdict. It names a winner only where the analysis has one.

    Example:
    >>> from keras_acts_tuning.analyse import Scores, analyse
    >>> runs = {"relu": {0: 0.90, 1: 0.91, 2: 0.90}, "mish": {0: 0.93, 1: 0.945, 2: 0.935}}
    >>> analysis = analyse(Scores("accuracy", "max", runs, {}), "relu")
    >>> print(verdict(analysis, {"training time": {"relu": 10.0, "mish": 13.0}}))
    Use mish: its mean accuracy is 0.033 higher than relu's (95 % interval of the difference 0.025 to
    0.042, corrected p = 0.0037). Compared with relu it takes 1.30 times the training time.
    """
    measured = {
        name: {arm: cost for arm, cost in values.items() if cost is not None and not math.isnan(cost)}
        for name, values in (costs or {}).items()
    }
    kind, pick, sentences = _answer(analysis, measured)
    return Verdict(kind=kind, pick=pick, sentences=(*sentences, *_lost_trials(analysis)))


_Measured: TypeAlias = dict[str, dict[str, float]]


def _answer(analysis: Analysis, costs: _Measured) -> tuple[Kind, str | None, list[str]]:
    """The kind, the arm to use, and one or two sentences on them."""
    if reason := _why_unjudged(analysis):
        return "unjudged", None, [reason]
    if all(0 < rival.pairs == rival.ties for rival in analysis.rivals.values()):
        return "open", *_all_equal(analysis, costs)
    if analysis.winner is not None:
        return "winner", analysis.winner, [_winner(analysis), *_cost(analysis, analysis.winner, costs)]
    if better := [arm for arm in analysis.better if not analysis.arms[arm].diverged]:
        return "better", *_better(analysis, better, costs)
    return "open", *_open(analysis, costs)


def _why_unjudged(analysis: Analysis) -> str:
    """What keeps the trials from being compared, empty if nothing does."""
    scored = {name: arm for name, arm in analysis.arms.items() if arm.scored}
    if not scored:
        return "Nothing to compare: no trial has a score."
    if analysis.leader is None:
        least = min(scored, key=lambda arm: scored[arm].diverged / scored[arm].planned)
        return "Nothing to recommend: " + (
            f"every activation with a score diverged, {least} the least often."
            if len(scored) > 1
            else f"only {least} has scores, and it diverged."
        )
    if not analysis.rivals:
        return f"Nothing to compare: only {analysis.leader} has scores to judge by."
    if any(rival.p is not None for rival in analysis.rivals.values()):
        return ""
    if max(arm.scored for arm in scored.values()) > 1:
        return f"Nothing to compare: {analysis.leader} shares fewer than two seeds with any other."
    mean = analysis.arms[analysis.leader].mean
    assert mean is not None
    first = f"{analysis.leader} came first ({analysis.metric} {_digits(mean.value, 4)})"
    return f"One seed tells nothing: {first}, but chance alone puts some activation first; five seeds or more can tell."


def _all_equal(analysis: Analysis, costs: _Measured) -> tuple[str | None, list[str]]:
    judged = [str(analysis.leader), *analysis.rivals]
    pick = analysis.reference if analysis.reference in judged else _cheapest(judged, costs)
    advice = f"; {pick} will do" if pick else ""
    return pick, [f"No difference at all: {_names(judged)} scored exactly the same with every seed{advice}."]


def _winner(analysis: Analysis) -> str:
    winner, others = str(analysis.winner), len(analysis.rivals)
    each = f"shown better than each of the {others} others" if others > 1 else ""
    if winner in analysis.better:
        also = f", and it is {each}" if each else ""
        return f"Use {winner}: its {_apart(analysis, analysis.differences[winner])}{also}."
    verb = "Stay with" if winner == analysis.reference else "Use"
    first = f"it is {each}; its" if each else "its"
    return f"{verb} {winner}: {first} {_apart(analysis, _nearest(analysis))}."


def _better(analysis: Analysis, better: Sequence[str], costs: _Measured) -> tuple[str | None, list[str]]:
    """Some arms beat the reference, none beats all: the cheapest of those, whichever leads by chance."""
    candidates = [arm for arm in better if arm in analysis.contenders] or better
    cheapest = _cheapest(candidates, costs)
    pick = cheapest or candidates[0]
    first = "its"
    if len(candidates) > 1:
        place = "the cheapest" if cheapest else "first"
        shown = f"each shown better than {analysis.reference} and none the best"
        first = f"of {_names(candidates)}, {shown}, it is {place}; its"
    rest = [arm for arm in analysis.contenders if arm not in candidates]
    doubt = f"; {_names(rest)} may be better still" if rest else ""
    sentence = f"Use {pick}: {first} {_apart(analysis, analysis.differences[pick])}{doubt}."
    return pick, [sentence, *_cost(analysis, pick, costs)]


def _open(analysis: Analysis, costs: _Measured) -> tuple[str | None, list[str]]:
    """Nothing is shown better: the reference stays, or else the cheapest of what may be best."""
    leader, reference = str(analysis.leader), analysis.reference
    if reference not in analysis.contenders:
        pick = _cheapest(analysis.contenders, costs)
        cheapest = f"; {pick} is the cheapest of them" if pick and len(analysis.contenders) > 1 else ""
        sentence = f"No winner: the best may be {_names(analysis.contenders, 'or')}{cheapest}."
        return pick, [sentence, *_what_would_tell(analysis, _nearest(analysis))]
    found = _nearest(analysis) if leader == reference else analysis.differences[leader]
    claim = "the best" if leader == reference else "better"
    apart = (
        f"its {_apart(analysis, found)}"
        if found.p is not None
        else f"it shares fewer than two seeds with {found.against}"
    )
    worse = f"; {_names(analysis.worse)} {'is' if len(analysis.worse) == 1 else 'are'} shown worse"
    sentence = (
        f"No winner, so stay with {reference}: {leader} comes first, but is not shown {claim}; "
        f"{apart}{worse if analysis.worse else ''}."
    )
    return reference, [sentence, *_what_would_tell(analysis, found)]


def _nearest(analysis: Analysis) -> Difference:
    """The rival whose mean is nearest to the leader's, of those that it is not shown better than if there are any."""
    return min(analysis.rivals.values(), key=lambda rival: (rival.finding == "better", rival.p is None, rival.size))


def _apart(analysis: Analysis, found: Difference) -> str:
    """How far two means are apart, with interval and p-value, to follow a word such as "its"."""
    difference = found.difference
    assert difference is not None
    way = "higher" if difference.value > 0 else "lower"
    apart = f"{_digits(found.size)} {way} than" if found.size else "the same as"
    sentence = f"mean {analysis.metric} is {apart} {found.against}'s"
    if difference.low is None or difference.high is None or found.p_corrected is None:
        return sentence
    width = difference.high - difference.low
    digits = 1 - math.floor(math.log10(width)) if width else 1  # two of the interval's width
    form = f",.{max(0, digits)}f" if digits < 7 else ".3g"
    low, high = (format(round(end, digits) + 0.0, form) for end in (difference.low, difference.high))
    p = f"= {found.p_corrected:.2g}" if found.p_corrected >= 1e-4 else "< 0.0001"
    level = f"{100 * analysis.level:g}"
    return f"{sentence} ({level} % interval of the difference {low} to {high}, corrected p {p})"


def _what_would_tell(analysis: Analysis, found: Difference) -> list[str]:
    """How many more seeds would find a difference of the size asked for, or seen."""
    size = analysis.worthwhile or found.size
    if not size or found.sd is None or found.finding != "none":
        return []
    difference = f"a true difference of {_digits(size)}"
    chance = f"a chance of {100 * analysis.power:g} %"
    if found.seeds_needed is None:
        return [f"To find {difference} would take over {MOST_SEEDS:,} seeds."]
    if found.seeds_needed <= found.pairs:
        return [
            f"These {found.pairs} seeds had {chance} or more to find {difference}, so there is likely none as large."
        ]
    more = found.seeds_needed - found.pairs
    return [f"To find {difference} with {chance} takes about {more:,} more {'seed' if more == 1 else 'seeds'}."]


def _cost(analysis: Analysis, pick: str, costs: _Measured) -> list[str]:
    """What the pick costs, compared with the reference or else the leader."""
    for baseline in (analysis.reference, analysis.leader):
        if baseline is None or baseline == pick:
            continue
        ratios = {
            name: values[pick] / values[baseline]
            for name, values in costs.items()
            if pick in values and values.get(baseline)
        }
        if ratios:
            parts = [
                f"the same {name}" if f"{ratio:.2f}" == "1.00" else f"{ratio:.2f} times the {name}"
                for name, ratio in ratios.items()
            ]
            return [f"Compared with {baseline} it takes {_joined(parts)}."]
    return []


def _lost_trials(analysis: Analysis) -> list[str]:
    """What failed or diverged, and whether that leaves the reference out."""
    lost, parts = [], []
    for arm in analysis.arms.values():
        ways = [f"{way} in {count}" for way, count in (("failed", arm.failed), ("diverged", arm.diverged)) if count]
        lost += [f"{arm.arm} {_joined(ways)} of {arm.planned}"] if ways else []
    reference = analysis.arms.get(analysis.reference or "")
    if reference is not None and not reference.scored and analysis.leader is not None:
        parts.append(f"the reference, {reference.arm}, has no score, so nothing is compared with it")
    if lost:
        parts.append(f"not every trial counts: {_names(lost)}")
    if any(arm.diverged for arm in analysis.arms.values()):
        parts.append("an activation that diverged is not recommended")
    sentence = "; ".join(parts)
    return [f"{sentence[0].upper()}{sentence[1:]}."] if sentence else []


def _cheapest(arms: Sequence[str], costs: _Measured) -> str | None:
    """The arm that costs least by the first measure, if every one of them was measured."""
    first = next(iter(costs.values()), {})
    return min(arms, key=lambda arm: first[arm]) if all(arm in first for arm in arms) else None


def _digits(value: float, count: int = 2) -> str:
    """The value in so many significant digits; a large one without an exponent."""
    text = f"{value:.{count}g}"
    return text if abs(value) < 10**count else f"{float(text):,.0f}"


def _names(names: Sequence[str], word: str = "and") -> str:
    """The first names in words, and how many more there are."""
    return _joined(names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more"], word)


def _joined(parts: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
