"""The sections of a report: those of one study, and those over several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_acts_tuning.analyse import interquartile_means
from keras_acts_tuning.comparison import Comparison, Row
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.report import _facts as facts, _words as words
from keras_acts_tuning.report._blocks import (
    Block,
    Cell,
    Code,
    Facts,
    Points,
    Section,
    Table,
    amount,
    listed,
    number,
    percent,
    table,
    word,
)
from keras_acts_tuning.report._figures import KINDS
from keras_acts_tuning.report._quality import SIGNS, critical_difference

if TYPE_CHECKING:
    from keras_acts_tuning.analyse import Scores


@dataclass(frozen=True)
class Study:
    """One study as a report shows it.

    Args:
        name: What it is called, apart from every other of the report.
        outline: What it is, in a line.
        kind: What its verdict amounts to, in words.
        verdict: The verdict's sentences.
        answers: How sure it is, and what it costs.
        notices: What to know before trusting a number.
        sections: The rest.
    """

    name: str
    outline: str
    kind: str
    verdict: tuple[str, ...]
    answers: Facts
    notices: tuple[str, ...]
    sections: tuple[Section, ...]


def study(comparison: Comparison, name: str) -> Study:
    """All that is to be said of one study."""
    verdict = comparison.verdict()
    answers = (("How sure", words.sureness(comparison)), ("What it costs", words.price(comparison)))
    return Study(
        name,
        words.outline(comparison),
        words.KINDS[verdict.kind],
        verdict.sentences,
        Facts(answers),
        tuple(words.notices(comparison)),
        _sections(comparison),
    )


def _sections(comparison: Comparison) -> tuple[Section, ...]:
    drawn = {kind: draw(comparison) for kind, draw in KINDS.items()}
    tuned = _tunings(comparison)
    return (
        Section("table", "All activations", (_table(comparison),)),
        Section("differences", "How far apart", (drawn["forest"],)),
        Section("scores", "Every trial", (drawn["scores"],)),
        Section("curves", "Learning curves", (drawn["curves"],)),
        Section("ranks", "Ranks", (drawn["ranks"],)),
        Section("tradeoffs", "Score against cost", (drawn["pareto"],)),
        Section("costs", "Costs", (drawn["costs"], *_measurements(comparison))),
        Section("learned", "Learned parameters", (drawn["learned"],)),
        Section("health", "Health of the networks", (*_findings(comparison), drawn["health"])),
        *([Section("tuned", "Tuned hyper-parameters", tuned)] if tuned else []),
        Section("failures", "Failures", _failures(comparison)),
        Section("again", "How to reproduce it", _again(comparison)),
    )


def _table(comparison: Comparison) -> Table:
    plan = comparison.plan
    signs = {**SIGNS, "": "reference"}
    measured = facts.prices(comparison)

    def cells(row: Row) -> list[Cell]:
        apart = row.difference
        return [
            word(row.activation),
            number(row.mean, comparison.form),
            number(row.spread, comparison.form),
            number(apart.value if apart else None, f"+{comparison.form}"),
            word(signs[row.finding] if row.activation == plan.reference or apart else "–"),
            percent(row.best_probability),
            Cell(f"{row.completed}/{row.planned}", row.completed),
            *(amount(e.value if (e := m.values.get(row.activation)) else None, m.unit) for m in measured),
        ]

    return table(
        f"{plan.metric} on the test part at the best epoch on the validation part: mean and standard deviation over "
        f"seeds, and the mean paired difference to {plan.reference}. A heading's button sorts.",
        [
            "activation",
            plan.metric,
            "deviation",
            "difference",
            "shown",
            "chance of best",
            "trials",
            *(measure.name for measure in measured),
        ],
        map(cells, comparison.table()),
    )


def _measurements(comparison: Comparison) -> tuple[Block, ...]:
    """Each measure with its unit and method, and why it is missing where it is."""
    measured = facts.measures(comparison)
    if not measured:
        return ()

    def missing(measure: facts.Measure) -> str:
        arms: dict[str, list[str]] = {}
        for arm, reason in measure.reasons.items():
            arms.setdefault(reason, []).append(arm)
        texts = [
            f"not measured: {reason}" + ("" if len(of) == len(comparison.plan.arms) else f" ({listed(of)})")
            for reason, of in arms.items()
        ]
        return "; ".join(texts) if texts else "nothing"

    rows = ([word(m.name), word(m.unit or "–"), word(m.method), word(missing(m))] for m in measured)
    return (table("How it was measured", ["measure", "unit", "method", "missing"], rows),)


def _findings(comparison: Comparison) -> tuple[Block, ...]:
    found = facts.health(comparison)
    if not found:
        return ()
    why = words.why_worse(comparison)
    texts = [f"{arm}: {words.findings(item)}." for arm, item in found.items() if arm not in why and item.findings]
    sound = () if why or texts else ("Nothing was found wrong with any network.",)
    return (*why.values(), *([Points(tuple(texts))] if texts else []), *sound)


def _tunings(comparison: Comparison) -> tuple[Block, ...]:
    if not comparison.tunings:
        return ()
    names = list(dict.fromkeys(name for tuning in comparison.tunings for name in tuning.chosen))
    failed = tuple(f"{tuning.arm}: {tuning.failures}." for tuning in comparison.tunings if tuning.failures)

    def setting(value: object) -> Cell:
        return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else word(value)

    return (
        table(
            "What a search on the validation part chose for each activation, before its trials",
            ["activation", *names, "settings tried"],
            (
                [
                    word(tuning.arm),
                    *(setting(tuning.chosen.get(name, "–")) for name in names),
                    number(len(tuning.trials)),
                ]
                for tuning in comparison.tunings
            ),
        ),
        *([Points(failed)] if failed else []),
    )


def _failures(comparison: Comparison) -> tuple[Block, ...]:
    found = words.failures(comparison)
    if not found:
        every = comparison.complete and not comparison.race
        ended = "every planned trial" if every else "every trial that has ended"
        return (f"None: {ended} completed." if comparison.outcomes else "No trial has ended yet.",)
    rows = (
        [word(arm), word(how), word(reason), Cell(", ".join(map(str, seeds)), len(seeds), number=False)]
        for arm, how, reason, seeds in found
    )
    return (table("Trials that did not complete", ["activation", "how", "why", "seeds"], rows),)


def _again(comparison: Comparison) -> tuple[Block, ...]:
    code, open_ends = words.command(comparison)
    same = (
        "With the same data, network, versions and machine it gives the same scores; stopped, it goes on where it was. "
        f"{open_ends}"
    )
    return (Code(code), same.strip(), Facts(words.provenance(comparison)))


def overview(comparisons: Sequence[Comparison], names: Sequence[str]) -> tuple[list[str], tuple[Section, ...]]:
    """What several studies show together: sentences, and sections."""
    tasks: dict[str, Scores] = {name: c.all_scores for name, c in zip(names, comparisons, strict=True)}
    found = facts.ranking(tasks)
    sentences = words.ranking_verdict(found, len(comparisons))
    blocks: list[Block] = [critical_difference(found)] if found else []
    verdicts = Facts(tuple((name, str(c.verdict())) for name, c in zip(names, comparisons, strict=True)))
    sections = [Section("overall", "Ranks over the studies", tuple(blocks))] if blocks else []
    return sentences, (*sections, *_middles(tasks), Section("verdicts", "Study by study", (verdicts,)))


def _middles(tasks: "dict[str, Scores]") -> tuple[Section, ...]:
    try:
        middles = interquartile_means(tasks)
    except StudyError:  # no arm has a score in every study
        return ()
    rows = sorted(middles.items(), key=lambda item: -item[1].value)
    caption = (
        "Interquartile mean over all trials of all studies, each study's scores less their median and over their "
        "interquartile range; greater is better, whichever way the metric goes. With 95 % intervals."
    )
    cells = ([word(arm), *(number(v, "+.2f") for v in (e.value, e.low, e.high))] for arm, e in rows)
    return (Section("middles", "Over all trials", (table(caption, ["activation", "mean", "low", "high"], cells),)),)
