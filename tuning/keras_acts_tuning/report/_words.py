"""What a report says in words: how sure, at what cost, what to beware of, how to run it again."""

import json
import shlex
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_acts_tuning._settings import DEFAULTS
from keras_acts_tuning.analyse import Ranking
from keras_acts_tuning.arms import Arm
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.plan import Plan, direction_of
from keras_acts_tuning.report import _facts as facts
from keras_acts_tuning.report._blocks import listed
from keras_acts_tuning.report._scale import quantity, share, short
from keras_acts_tuning.tasks import TASKS

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison

KINDS = {
    "winner": "A winner is shown",
    "better": "Better than the reference is shown, one winner is not",
    "open": "No winner is shown",
    "unjudged": "Nothing can be judged yet",
}
"""What a verdict's kind means."""


def outline(comparison: "Comparison") -> str:
    """The study in one line."""
    plan = comparison.plan
    better = "more is better" if plan.direction == "max" else "less is better"
    return (
        f"{counted(len(plan.arms), 'activation')} × {counted(len(plan.seeds), 'seed')} × "
        f"{counted(plan.epochs, 'epoch')}; {plan.metric} on the test part, {better}; reference {plan.reference}"
    )


def sureness(comparison: "Comparison") -> str:
    """What the verdict rests on, and which arms may be the best."""
    analysis = comparison.analysis
    tested = [difference for difference in analysis.differences.values() if difference.p is not None]
    if not tested:
        return "There is no pair of seeds to test a difference by, so nothing is known of another seed."
    pairs = sorted({difference.pairs for difference in tested})
    seeds = f"{pairs[0]}" if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
    basis = f"Each activation is compared with {analysis.reference} over {seeds} seeds in common, by paired t tests" + (
        f" corrected for {len(tested)} comparisons (Holm)." if len(tested) > 1 else "."
    )
    chances = {arm: s.best_probability for arm, s in analysis.arms.items() if s.best_probability is not None}
    first = sorted(chances.items(), key=lambda item: -item[1])[:4]
    chance = listed(f"{arm} {share(probability)}" for arm, probability in first)
    return f"{basis} Chance of having the best true mean: {chance}." if first else basis


def price(comparison: "Comparison") -> str:
    """What the arm to use costs, against the reference where it is another."""
    plan, verdict = comparison.plan, comparison.verdict()
    reference = plan.reference
    arm = next((a for a in (verdict.pick, comparison.analysis.leader) if a and a != reference), reference)
    parts = []
    for measure in facts.prices(comparison):
        if arm not in measure.values:
            continue
        mine, theirs = measure.values[arm].value, measure.values.get(reference)
        text = f"{measure.name} {quantity(mine, measure.unit)}"
        if arm != reference and theirs is not None and theirs.value:
            ratio = mine / theirs.value
            text += f" ({'the same' if f'{ratio:.2f}' == '1.00' else f'{ratio:.2f} ×'})"
        parts.append(text)
    if not parts:
        return "No cost was measured."
    against = "" if arm == reference else f" (× {reference}'s)"
    return f"{arm}{against}: {listed(parts)}."


def notices(comparison: "Comparison") -> list[str]:
    """What a reader has to know before trusting a number, a sentence or two each."""
    texts = (_unfinished(comparison), _race(comparison), *_lost(comparison), *_ties(comparison), *_odd(comparison))
    return [text for text in texts if text]


def _unfinished(comparison: "Comparison") -> str:
    if comparison.complete:
        return ""
    plan = comparison.plan
    started = {outcome.arm for outcome in comparison.outcomes}
    waiting = [arm.label for arm in plan.arms if arm.label not in started]
    return (
        f"Unfinished: {len(comparison.outcomes)} of {len(plan.trials)} planned trials have ended. All that follows is "
        "of those, and may change; stopping as soon as the figures please makes them look surer than they are."
        + (f" No trial has ended yet of {listed(waiting)}." if waiting else "")
    )


def _race(comparison: "Comparison") -> str:
    if comparison.race is None:
        return ""
    return (
        f"A race, in which activations that are beyond doubt not the best stop early: {len(comparison.outcomes)} of "
        f"{len(comparison.plan.trials)} trials were run. {comparison.race}"
    )


def _lost(comparison: "Comparison") -> list[str]:
    texts = []
    if comparison.failures:
        ways = Counter(outcome.status.replace("_", " ") for outcome in comparison.failures)
        counts = listed(f"{count} {way}" for way, count in ways.items())
        texts.append(
            f"{counted(len(comparison.failures), 'trial')} of {len(comparison.outcomes)} did not complete ({counts}): "
            "means are over the others, and an activation that diverged is never recommended. Failures, below, has the "
            "reasons."
        )
    infinite = [
        f"{outcome.arm} with seed {outcome.seed}"
        for outcome in comparison.outcomes
        if outcome.status == "completed" and outcome.score is not None and short(outcome.score) in ("∞", "−∞", "–")
    ]
    if infinite:
        texts.append(
            f"The {comparison.plan.metric} on the test part was not finite for {listed(infinite)}: such a trial counts "
            "as one that diverged."
        )
    return texts


def _ties(comparison: "Comparison") -> list[str]:
    analysis = comparison.analysis
    pairs = {
        tuple(sorted((d.arm, d.against)))
        for d in (*analysis.differences.values(), *analysis.rivals.values())
        if d.pairs and d.ties == d.pairs
    }
    texts = [f"{' and '.join(pair)}" for pair in sorted(pairs)]
    return [f"Ties: exactly the same score with every seed in common for {listed(texts)}."] if texts else []


def _odd(comparison: "Comparison") -> list[str]:
    plan, texts = comparison.plan, []
    if len(plan.seeds) == 1:
        texts.append(
            "One seed only: there is no spread, no interval and no test. Which activation comes first is chance until "
            "more seeds are run (at least five: --extend --seeds 5)."
        )
    if plan.direction == "min":
        texts.append(f"Less {plan.metric} is better: a difference below 0 is an improvement on {plan.reference}.")
    ran_on = {json.dumps(dict(o.environment), sort_keys=True) for o in comparison.outcomes if o.environment}
    if len(ran_on) > 1:
        texts.append(
            f"Trials ran on {len(ran_on)} different machines or sets of versions: scores may differ in their last "
            "digits, and times do not compare."
        )
    return texts


def why_worse(comparison: "Comparison") -> dict[str, str]:
    """Why each arm that lost may have lost: what was found in its networks."""
    found = facts.health(comparison)
    reference = comparison.plan.reference
    usual = found[reference].gradient if reference in found else None

    def gradient(arm: str) -> str:
        own = found[arm].gradient
        if own is None or usual is None:
            return ""
        return f" From the last hidden layer to the first its gradient goes × {own:.2g}, {reference}'s × {usual:.2g}."

    return {
        arm: f"{arm} is shown worse than {reference}"
        + (
            f". Its networks: {findings(found[arm])}."
            if found[arm].findings
            else "; nothing was found wrong within it."
        )
        + gradient(arm)
        for arm in comparison.analysis.worse
        if arm in found
    }


def findings(health: facts.Health) -> str:
    """What was found in an arm's networks, each with how often."""
    return "; ".join(
        f"{text} ({count} of {counted(health.trials, 'trial')})" for text, count in health.findings.items()
    )


def ranking_verdict(found: Ranking | None, studies: int) -> list[str]:
    """What several studies together show."""
    if found is None:
        return [f"No ranking: the {studies} studies share fewer than two activations that have scores in all of them."]
    arms = list(found.mean_ranks)
    means, critical = found.mean_ranks, found.critical_difference
    best = means[arms[0]]
    first = [arm for arm in arms if means[arm] == best]
    worse = [arm for arm in arms if means[arm] - best > critical]
    differ = found.p <= 0.05
    rank = "ranks first" if len(first) == 1 else "rank first alike"
    text = f"Over {studies} studies {listed(first)} {rank} on average (mean rank {best:.2f} of {len(arms)})"
    if len(first) > 1:
        text += f"; they are shown to rank before {listed(worse)}." if differ and worse else "."
    elif differ and len(worse) == len(arms) - 1:
        text += ", and is shown to rank before every other activation."
    elif differ and worse:
        text += f"; it is shown to rank before {listed(worse)}, not before the others."
    else:
        text += ", but is not shown to rank before any other activation."
    tested = (
        f"Friedman's test over all activations: p = {found.p:.2g}, so "
        + ("they do not all rank alike" if differ else "ranks as different as these may well be chance")
        + f". Critical difference of two mean ranks: {critical:.2f}."
    )
    left_out = found.left_out
    names = listed(left_out) if len(left_out) < 5 else counted(len(left_out), "activation")
    lacking = [f"Left out, for want of a score in every study: {names}."] if left_out else []
    return [text, tested, *lacking]


def command(comparison: "Comparison") -> tuple[str, str]:
    """What runs the study again, and what it leaves open."""
    plan, directory = comparison.plan, comparison.directory
    function, source = plan.build["function"], str(plan.data["source"])
    task = plan.data["name"] in TASKS and source != "arrays"
    built_in = function.startswith("keras_acts_tuning.tasks.")
    file = Path(source).suffix in (".csv", ".npz")
    plain_arms = all(arm.label == Arm(arm.name, arm.arguments).label for arm in plan.arms)
    counted_seeds = plan.seeds == tuple(range(len(plan.seeds)))
    importable = built_in or not function.startswith(("script:", "?:"))
    settled = plan.settings == DEFAULTS
    if not ((task or file) and plain_arms and counted_seeds and importable and "<" not in function and settled):
        return _python(plan, directory), "The network and the data are the script's own; their digests are below."
    words = ["keras-acts", "compare", str(plan.data["name"]) if task else source]
    tune = plan.tune
    options: dict[str, Any] = {
        "target": "COLUMN" if source.endswith(".csv") and not task else None,
        "kind": None if task else plan.data["kind"],
        "activations": ",".join(arm.label for arm in plan.arms),
        "reference": plan.reference,
        "seeds": len(plan.seeds),
        "epochs": plan.epochs,
        "batch-size": plan.batch_size,
        "model": None if built_in else function,
        "metric": plan.metric,
        "direction": None if _tells_direction(plan) else plan.direction,
        "split-seed": plan.split_seed,
        "tuner": tune.tuner if tune else None,
        "tune-trials": tune.trials if tune else None,
        "directory": str(directory),
    }
    for name, value in options.items():
        words += [] if value is None else [f"--{name}", str(value)]
    for name, values in _space(plan).items():
        between = ":" if isinstance(values, tuple) else ","
        words += ["--tune", f"{name}={between.join(map(repr, values))}"]
    words += ["--race"] if plan.race else []
    open_ends = "COLUMN stands for the column that was the target." if options["target"] else ""
    return f"KERAS_BACKEND={plan.backend} {shlex.join(words)}", open_ends


def _space(plan: Plan) -> dict[str, tuple[Any, Any] | list[Any]]:
    """What was tuned, as `compare` takes it."""
    space = plan.tune.space if plan.tune else {}
    return {
        name: list(domain["choices"]) if "choices" in domain else (domain["low"], domain["high"])
        for name, domain in space.items()
    }


def _tells_direction(plan: Plan) -> bool:
    try:
        return direction_of(plan.metric) == plan.direction
    except StudyError:
        return False


def _python(plan: Plan, directory: Path) -> str:
    def arm(item: Arm) -> str:
        if item.label == Arm(item.name, item.arguments).label:
            return repr(item.label)
        return f"kat.Arm.of({item.name!r}, {dict(item.arguments)!r}, label={item.label!r})"

    arms = "".join(f"        {arm(item)},\n" for item in plan.arms)
    settings = {
        "reference": plan.reference,
        "seeds": list(plan.seeds),
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "metric": plan.metric,
        "direction": plan.direction,
        "split_seed": plan.split_seed,
        "directory": str(directory),
        **(
            {"tune": _space(plan) or None, "tune_trials": plan.tune.trials, "tuner": plan.tune.tuner}
            if plan.tune
            else {}
        ),
        **({"race": True} if plan.race else {}),
    }
    lines = "".join(f"    {name}={value!r},\n" for name, value in settings.items())
    changed = [_setting(name, value) for name, value in plan.settings.items() if value != DEFAULTS[name]]
    head = ["import keras"] * bool(changed) + ["import keras_acts_tuning as kat", "", *changed]
    call = f"kat.compare(\n    network,\n    data,\n    activations=[\n{arms}    ],\n{lines})"
    return "\n".join([*head, call])


def _setting(name: str, value: Any) -> str:
    """The code that changes one of Keras's settings."""
    if name == "flash_attention":
        return "keras.config.disable_flash_attention()"
    given = f"keras.dtype_policies.get({value!r})" if isinstance(value, dict) else repr(value)
    return f"keras.config.set_{name}({given})"


def provenance(comparison: "Comparison") -> tuple[tuple[str, str], ...]:
    """Everything that decides the results, as terms and what they are."""
    plan, outcomes = comparison.plan, comparison.outcomes
    data, build = dict(plan.data), dict(plan.build)
    shape = " × ".join(map(str, data.get("shape", ())))
    digest = build.get("sha256") or plan.network.get("code", "none: its source could not be read")
    pairs = [
        ("data", f"{data.get('name')}: {data.get('kind')}, {data.get('examples'):,} examples of shape {shape or '()'}"),
        ("from", str(data.get("source"))),
        ("data digest (SHA-256)", str(data.get("sha256"))),
        ("network", build["function"]),
        ("network digest (SHA-256)", digest),
        ("the network reads", ", ".join(f"{name} {_cut(text)}" for name, text in plan.network.items()) or "nothing"),
        ("seeds", ", ".join(map(str, plan.seeds))),
        ("training", f"{counted(plan.epochs, 'epoch')}, batches of {plan.batch_size}, split seed {plan.split_seed}"),
        ("backend", plan.backend),
        ("Keras's settings", ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in plan.settings.items())),
    ]
    if outcomes:
        started, finished = min(o.started for o in outcomes), max(o.finished for o in outcomes)
        pairs.append(("run", f"{_second(started)} to {_second(finished)} UTC"))
    for index, environment in enumerate(comparison.environments, 1):
        which = f" {index}" if len(comparison.environments) > 1 else ""
        machine = (environment.get(fact) for fact in ("processor", "accelerator", "system", "floatx"))
        others = {k: v for k, v in environment.items() if k not in _KNOWN}
        versions = environment.get("versions") or {}
        pairs += [
            (f"machine{which}", ", ".join(str(fact) for fact in machine if fact)),
            (
                f"versions{which}",
                ", ".join(f"{k} {v}" for k, v in {"Python": environment.get("python"), **versions}.items()),
            ),
            *(
                (f"{name}{which}", value if isinstance(value, str) else json.dumps(value))
                for name, value in others.items()
            ),
        ]
    return tuple(pairs)


_KNOWN = ("processor", "accelerator", "system", "floatx", "python", "versions", "backend")


def failures(comparison: "Comparison") -> list[tuple[str, str, str, list[int]]]:
    """Arm, how, why, and with which seeds; those alike in one."""
    found: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for outcome in comparison.failures:
        found[outcome.arm, outcome.status.replace("_", " "), outcome.reason].append(outcome.seed)
    return [(*key, sorted(seeds)) for key, seeds in found.items()]


def counted(count: int, thing: str) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _cut(text: str) -> str:
    return text if len(text) < 64 else f"{text[:12]}…"  # a digest, or as long as one


def _second(moment: str) -> str:
    return moment[:19].replace("T", " ")
