"""The report: one file, that escapes everything, asks for nothing, and says in words what a study does not show.

What takes a browser (console, requests, width, sorting by keyboard, looks) is in `benchmarks/report_in_browser.py`.
"""

import base64
import dataclasses
import hashlib
import json
import math
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networks
import numpy as np
import pytest
from hypothesis import given, strategies as st
from typer.testing import CliRunner

import keras_acts_tuning as kat
from keras_acts_tuning._settings import DEFAULTS, apply
from keras_acts_tuning.analyse import mean_interval
from keras_acts_tuning.cell import environment
from keras_acts_tuning.cli import app
from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.plan import Plan, build_facts, data_facts
from keras_acts_tuning.report import PLOT_KINDS, _facts as facts, _words as words, write_report
from keras_acts_tuning.report._picture import fitted, width_of
from keras_acts_tuning.report._scale import Scale, quantity, robust_range, short
from keras_acts_tuning.store import Measurement, Outcome, Store, Tuning
from keras_acts_tuning.tasks import TASKS, mlp
from keras_acts_tuning.tune import Tune

EVIL = "<script>alert(1)</script>"
NOON = "2026-11-22T12:00:00.000+00:00"
DATA = {"name": "toy", "source": "arrays", "kind": "classification", "examples": 90, "shape": [4], "outputs": 2}
SECTIONS = ("table", "differences", "scores", "curves", "ranks", "tradeoffs", "costs", "learned", "health", "again")


def planned(arms: Iterable[str | kat.Arm], seeds: int = 3, epochs: int = 4, **changes: Any) -> Plan:
    arms = tuple(arm if isinstance(arm, kat.Arm) else kat.Arm.of(arm) for arm in arms)
    facts_of = {"data": {**DATA, "sha256": "ab" * 32}, "build": {"function": "script:network"}}
    settings = {"metric": "accuracy", "direction": "max", "batch_size": 32, "reference": arms[0].label}
    return Plan(**{**facts_of, **settings, "arms": arms, "seeds": tuple(range(seeds)), "epochs": epochs, **changes})


def completed(plan: Plan, arm: str, seed: int, score: float, **changes: Any) -> Outcome:
    curve = [score + (0.1 if plan.direction == "min" else -0.1) / epoch for epoch in range(1, plan.epochs + 1)]
    settings: dict[str, Any] = {
        "score": score,
        "best_epoch": plan.epochs,
        "history": {"loss": curve, f"val_{plan.metric}": curve},
        "measures": {"train_s": 2 + score, "step_ms": 1.5, "peak_memory_bytes": 2e7 * (1 + score), "parameters": 90.0},
        "started": NOON,
        "finished": NOON,
    }
    return Outcome(arm=arm, seed=seed, status="completed", **{**settings, **changes})


def lost(arm: str, seed: int, status: Any, reason: str, **changes: Any) -> Outcome:
    return Outcome(arm=arm, seed=seed, status=status, reason=reason, started=NOON, finished=NOON, **changes)


def stored(
    directory: Path,
    plan: Plan,
    outcomes: Iterable[Outcome],
    measurements: Iterable[Measurement] = (),
    tunings: Iterable[Tuning] = (),
) -> Comparison:
    with Store.create_or_resume(directory, plan, created=NOON) as store:
        for outcome in outcomes:
            store.add(dataclasses.replace(outcome, environment=outcome.environment or environment()))
        store.add_measurements(measurements, environment())
        for tuning in tunings:
            store.add_tuning(tuning)
    return kat.load(directory)


def sample(plan: Plan, means: dict[str, float], spread: float = 0.01) -> list[Outcome]:
    rng = np.random.default_rng(0)
    return [
        completed(plan, arm, seed, mean + spread * float(rng.normal()))
        for arm, mean in means.items()
        for seed in plan.seeds
    ]


def plain(directory: Path, **changes: Any) -> Comparison:
    plan = planned(["relu", "elu", "prelu"], **changes)
    return stored(directory, plan, sample(plan, {"relu": 0.9, "elu": 0.905, "prelu": 0.7}))


class Page(HTMLParser):
    """A page as a browser sees it: its elements, and its text outside of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.sources: dict[str, str] = {"script": "", "style": ""}
        self._words: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self._words).split()).replace("\N{NO-BREAK SPACE}", " ")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.sources:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.sources:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.sources[self.inside[-1]] += data
        else:
            self._words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [str(attrs["id"]) for _, attrs in self.elements if "id" in attrs]


def page(comparison: Comparison) -> Page:
    return Page(comparison.report().read_text("utf-8"))


@pytest.fixture
def evil(tmp_path: Path) -> Comparison:
    """A study in which every text that a person can choose is markup."""
    plan = planned(["relu", kat.Arm.of("elu", label=EVIL)], data={**DATA, "name": EVIL, "source": EVIL, "sha256": EVIL})
    outcomes = [*sample(plan, {"relu": 0.9}), lost(EVIL, 0, "failed", f"{EVIL}<img src=x onerror=alert(1)>")]
    learned = {f"{EVIL}/layer": {EVIL: {"mean": 0.2, "least": 0.1, "greatest": 0.3}}}
    health = {"layers": {EVIL: {"dead": 0.6}}, "findings": [{"kind": "dying", "layer": EVIL, "value": 0.6}]}
    details = {"learned": learned, "health": health}
    outcomes.append(completed(plan, EVIL, 1, 0.8, details=details))
    missing = Measurement(arm=EVIL, name=EVIL, unit=EVIL, method=EVIL, reason=EVIL)
    taken = Measurement(arm="relu", name=EVIL, value=1.0, unit=EVIL, method=EVIL)
    tuning = Tuning(arm=EVIL, chosen={EVIL: EVIL}, trials=[{"status": "failed", "reason": EVIL}], finished="now")
    return stored(tmp_path, plan, outcomes, [missing, taken], [tuning])


def test_everything_that_a_person_named_shows_as_text(evil: Comparison) -> None:
    found = page(evil)
    assert len(found.all("script")) == 1
    assert not found.all("img")
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on")]
    # data's name, source and digest, the arm, why it failed, its layer and parameter, finding, measure, tuning, …
    assert found.text.count(EVIL) > 30
    assert f"{EVIL}<img src=x onerror=alert(1)>" in found.text
    assert "Its networks" not in found.text  # one seed is no finding
    assert f"{EVIL} is dying: 60% of its units are 0 for every example" in found.text


def test_the_browser_is_forbidden_everything_but_this_script_and_style(tmp_path: Path) -> None:
    found = page(plain(tmp_path))
    (policy,) = (meta["content"] for meta in found.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in str(policy).split("; "))
    assert rules["default-src"] == "'none'"
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(found.sources[kind].encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert not [name for _, attrs in found.elements for name in attrs if name == "style"]


def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    found = page(plain(tmp_path))
    assert not re.search(r"@import|url\(", found.html)
    assert set(re.findall(r"\w+://[^\s\"<]*", found.html)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    for _, attrs in found.elements:
        assert "src" not in attrs
        href = attrs.get("href")
        assert href is None or href == "data:," or str(href).removeprefix("#") in found.ids
    assert [count for count in Counter(found.ids).values() if count > 1] == []


def test_every_plot_has_words_and_a_table_at_both_widths(tmp_path: Path) -> None:
    found = page(plain(tmp_path))
    pictures = found.all("svg")
    assert len(pictures) == 2 * len(found.all("figure")) > 8
    for picture in pictures:
        assert picture["role"] == "img"
        assert all(name in found.ids for name in str(picture["aria-labelledby"]).split())
        assert float(str(picture["width"])) in (358.0, 900.0)
    assert len(found.all("details")) == len(found.all("figcaption")) == len(found.all("figure"))


def test_tables_can_be_sorted_by_keyboard(tmp_path: Path) -> None:
    found = page(plain(tmp_path))
    assert len(re.findall(r'<th scope="col"[^>]*><button type="button">', found.html)) == len(found.all("button")) > 20
    assert 'setAttribute("aria-sort"' in found.sources["script"]
    numbers = [float(str(cell["data-v"])) for cell in found.all("td") if cell.get("data-v")]
    assert len(numbers) > 30


def test_it_can_be_read_by_night_on_a_phone_and_on_paper(tmp_path: Path) -> None:
    style = page(plain(tmp_path)).sources["style"]
    for condition in ("prefers-color-scheme: dark", "max-width: 640px", "@media print"):
        assert condition in style


def test_twenty_activations_ten_seeds_fifty_epochs_are_under_three_megabytes(tmp_path: Path) -> None:
    arms = [kat.Arm.of("relu", label="relu"), *(kat.Arm.of("elu", label=f"activation number {i}") for i in range(19))]
    plan = planned(arms, seeds=10, epochs=50)
    found = page(stored(tmp_path, plan, sample(plan, {arm.label: 0.9 - i / 100 for i, arm in enumerate(arms)})))
    assert len(found.html) < 1_000_000  # measured: 0.5 MB; the promise is 3
    assert all(arm.label in found.text for arm in arms)


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    comparison = plain(tmp_path)
    assert (
        comparison.report(tmp_path / "a.html").read_bytes()
        == kat.load(tmp_path).report(tmp_path / "b.html").read_bytes()
    )


def one_seed(directory: Path) -> Comparison:
    return plain(directory, seeds=1)


def with_failures(directory: Path) -> Comparison:
    plan = planned(["relu", "elu", "prelu"])
    outcomes = sample(plan, {"relu": 0.9})
    outcomes += [completed(plan, "elu", 0, 0.91), completed(plan, "elu", 1, 0.9)]
    outcomes += [lost("elu", 2, "diverged", "val_loss was nan in epoch 2", history={"val_accuracy": [0.5, math.nan]})]
    return stored(
        directory, plan, [*outcomes, *(lost("prelu", seed, "failed", "RuntimeError: no") for seed in range(3))]
    )


def with_ties(directory: Path) -> Comparison:
    plan = planned(["relu", kat.Arm.of("relu", label="twin"), "elu"])
    base = sample(plan, {"relu": 0.9})
    twin = [dataclasses.replace(outcome, arm="twin") for outcome in base]
    return stored(directory, plan, [*base, *twin, *sample(plan, {"elu": 0.5})])


def with_an_infinite_loss(directory: Path) -> Comparison:
    plan = planned(["relu", "elu"], metric="loss", direction="min")
    outcomes = sample(plan, {"relu": 0.9, "elu": 0.5})
    outcomes[-1] = dataclasses.replace(
        outcomes[-1], score=math.inf, history={"val_loss": [0.9, math.inf, math.inf, math.inf]}
    )
    return stored(directory, plan, outcomes)


def to_be_minimised(directory: Path) -> Comparison:
    return plain(directory, metric="rmse", direction="min")


def unfinished(directory: Path) -> Comparison:
    plan = planned(["relu", "elu", "prelu"])
    return stored(directory, plan, sample(plan, {"relu": 0.9, "elu": 0.8}))


def not_begun(directory: Path) -> Comparison:
    return stored(directory, planned(["relu", "elu"]), [])


def all_failed(directory: Path) -> Comparison:
    plan = planned(["relu", "elu"], seeds=1)
    return stored(directory, plan, [lost(arm, 0, "timed_out", "ran too long") for arm in ("relu", "elu")])


def the_reference_alone(directory: Path) -> Comparison:
    plan = planned(["relu"])
    return stored(directory, plan, sample(plan, {"relu": 0.9}))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            one_seed,
            [
                "Nothing can be judged yet",
                "One seed tells nothing",
                "no spread, no interval and no test",
                "differences without intervals",
                "(none for one seed)",
                "Ranks need at least two seeds",
            ],
        ),
        (
            with_failures,
            [
                "4 trials of 9 did not complete (1 diverged and 3 failed)",
                "val_loss was nan in epoch 2",
                "RuntimeError: no 0, 1, 2",
                "✕ marks the end of a trial that diverged",
                "Not shown, for want of a common seed: prelu",
            ],
        ),
        (with_ties, ["Ties: exactly the same score with every seed in common for relu and twin."]),
        (
            with_an_infinite_loss,
            ["The loss on the test part was not finite for elu with seed 2: such a trial counts as one that diverged."],
        ),
        (
            to_be_minimised,
            [
                "rmse on the test part, less is better",
                "Less rmse is better: a difference below 0 is an improvement on relu.",
                "▲ better",
            ],
        ),
        (unfinished, ["Unfinished: 6 of 9 planned trials have ended", "No trial has ended yet of prelu."]),
        (
            not_begun,
            ["Unfinished: 0 of 6 planned trials have ended", "No trial has ended yet.", "No cost was measured."],
        ),
        (all_failed, ["A plot needs at least one completed trial.", "timed out", "ran too long 0"]),
        (the_reference_alone, ["Differences need an activation", "only relu has scores to judge by"]),
    ],
)
def test_special_studies_are_told_in_words(tmp_path: Path, make: Callable[[Path], Comparison], said: list[str]) -> None:
    comparison = make(tmp_path)
    found = page(comparison)
    assert [name for name in (*SECTIONS, "failures") if name not in found.ids] == []
    assert [text for text in said if text not in found.text] == []
    assert all(sentence in found.text for sentence in comparison.verdict().sentences)


def test_a_plain_study_has_nothing_to_warn_of(tmp_path: Path) -> None:
    comparison = plain(tmp_path)
    assert words.notices(comparison) == []
    assert "None: every planned trial completed." in page(comparison).text


def test_an_infinite_score_is_in_no_mean(tmp_path: Path) -> None:
    row = next(row for row in with_an_infinite_loss(tmp_path).table() if row.activation == "elu")
    assert (row.completed, row.planned) == (2, 3)
    assert row.mean is not None
    assert math.isfinite(row.mean)


def test_environments_that_differ_are_said(tmp_path: Path) -> None:
    comparison = plain(tmp_path)
    with Store.create_or_resume(
        tmp_path, planned(["relu", "elu", "prelu"], seeds=4), created=NOON, extend=True
    ) as store:
        elsewhere = {"processor": "another", "python": "3", "accelerator": "a fast one"}
        store.add(completed(comparison.plan, "relu", 3, 0.9, environment=elsewhere))
    text = page(kat.load(tmp_path)).text
    assert "Trials ran on 2 different machines or sets of versions" in text
    assert "another, a fast one" in text


def test_the_load_that_studies_of_before_noted_is_shown(tmp_path: Path) -> None:
    plan = planned(["relu", "elu"])
    load = Measurement(arm="relu", name="load_per_core", value=1.3, unit="processes", method="load average")
    comparison = stored(tmp_path, plan, sample(plan, {"relu": 0.9, "elu": 0.8}), [load])
    assert "load while it was timed" in page(comparison).text
    assert "busy" not in comparison.timing


def test_a_timing_on_another_machine_is_no_trial_there(tmp_path: Path) -> None:
    comparison = plain(tmp_path)
    with Store.create_or_resume(tmp_path, comparison.plan, created=NOON) as store:
        store.add(completed(comparison.plan, "relu", 3, 0.9))  # its process has not told where it ran
        taken = Measurement(arm="relu", name="step_ms", value=1.5, unit="ms", method="a clock")
        store.add_measurements([taken], {"processor": "another"})
    text = page(kat.load(tmp_path)).text
    assert "Trials ran on" not in text
    assert "another" in text


def test_a_curve_is_the_mean_of_what_completed_with_its_interval(tmp_path: Path) -> None:
    comparison = with_failures(tmp_path)
    curve = facts.curves(comparison)["elu"]
    histories = [o.history["val_accuracy"] for o in comparison.outcomes if o.arm == "elu" and o.status == "completed"]
    assert curve.epochs == (1, 2, 3, 4)
    assert curve.means[-1] == mean_interval(np.array([history[-1] for history in histories]))
    assert curve.ended == ((2, 2, 0.5),)


def test_a_long_training_is_thinned_and_keeps_its_ends(tmp_path: Path) -> None:
    curve = facts.curves(plain(tmp_path, epochs=1000))["relu"]
    assert len(curve.epochs) == len(curve.means) == facts.CURVE_POINTS
    assert (curve.epochs[0], curve.epochs[-1]) == (1, 1000)


def test_what_was_learned_is_put_together_by_place(tmp_path: Path) -> None:
    """Keras counts layer names up from one network to the next."""
    plan = planned(["relu", kat.Arm.of("prelu", {"alpha": 0.1})], seeds=2)
    values = ((0, "seq/p_re_lu", 0.2), (1, "seq_1/p_re_lu_2", 0.4))
    outcomes = [
        completed(plan, "prelu(alpha=0.1)", seed, 0.9, details={"learned": {name: {"alpha": _spread(mean)}}})
        for seed, name, mean in values
    ]
    (found,) = facts.learned(stored(tmp_path, plan, outcomes))
    assert (found.layer, found.start, found.trials) == ("seq/p_re_lu", 0.1, 2)
    assert (found.least, found.mean, found.greatest) == pytest.approx((0.1, 0.3, 0.5))


def _spread(mean: float) -> dict[str, float]:
    return {"mean": mean, "least": mean - 0.1, "greatest": mean + 0.1}


def test_health_says_why_an_activation_lost(tmp_path: Path) -> None:
    plan = planned(["relu", "sigmoid"])
    vanishing = {"kind": "vanishing", "layer": "first", "value": 0.0004, "threshold": 0.001, "words": "…"}
    layers = {"first": {"dead": 0.25, "saturated": None, "gradient_factor": 0.05}, "second": {"gradient_factor": None}}
    outcomes = [
        dataclasses.replace(
            outcome,
            details={"health": {"layers": layers, "findings": [vanishing] if outcome.arm == "sigmoid" else []}},
        )
        for outcome in sample(plan, {"relu": 0.9, "sigmoid": 0.5})
    ]
    found = page(stored(tmp_path, plan, outcomes))
    why = "sigmoid is shown worse than relu. Its networks: the gradient vanishes at first: 0.0004 of that at the last"
    assert why in found.text
    assert "(3 of 3 trials)" in found.text
    assert "From the last hidden layer to the first its gradient goes × 0.05, relu's × 0.05." in found.text
    assert "25 %" in found.text


def test_measurements_and_tunings_are_shown_with_what_is_missing(tmp_path: Path) -> None:
    plan = planned(["relu", "elu"])
    taken = [
        Measurement(
            arm="relu", name="latency_1_ms", value=0.52, low=0.5, high=0.6, unit="ms", method="median of 200 calls"
        ),
        Measurement(arm="elu", name="latency_1_ms", value=0.71, unit="ms", method="median of 200 calls"),
        Measurement(arm="relu", name="epoch_energy_cpu_j", unit="J", method="RAPL", reason="no counter"),
        Measurement(arm="elu", name="epoch_energy_cpu_j", unit="J", method="RAPL", reason="no counter"),
    ]
    tried = [{"status": "completed"}, {"status": "failed", "reason": "ValueError: too much\n  in a layer"}]
    tuning = Tuning(arm="elu", chosen={"learning_rate": 0.003}, trials=tried, finished="now")
    found = page(stored(tmp_path, plan, sample(plan, {"relu": 0.9, "elu": 0.8}), taken, [tuning]))
    assert "0.520 ms (0.500 ms to 0.600 ms)" in found.text
    assert "median of 200 calls" in found.text
    assert "not measured: no counter" in found.text
    assert "learning_rate" in found.text
    assert "0.003 2" in found.text
    assert "elu: 1 of 2 trainings did not complete: ValueError: too much." in found.text


def test_what_was_measured_apart_goes_before_what_trials_measured(tmp_path: Path) -> None:
    plan = planned(["relu", "elu"])
    apart = [Measurement(arm=arm, name="step_ms", value=0.25, unit="ms", method="alone") for arm in ("relu", "elu")]
    comparison = stored(tmp_path, plan, sample(plan, {"relu": 0.9, "elu": 0.8}), apart)
    (step,) = (measure for measure in facts.measures(comparison) if measure.name == "time a step")
    assert (step.values["elu"].value, step.method) == (0.25, "alone")


def test_what_a_trial_could_not_measure_has_its_reason(tmp_path: Path) -> None:
    plan = planned(["relu", "elu"])
    details = {"not_measured": {"peak_memory_bytes": "no /proc here"}, "health": None, "health_reason": "it is odd"}
    outcomes = [
        dataclasses.replace(o, details=details, measures={**o.measures, "peak_memory_bytes": None})
        for o in sample(plan, {"relu": 0.9, "elu": 0.8})
    ]
    found = page(stored(tmp_path, plan, outcomes))
    assert "not measured: no /proc here" in found.text
    assert "The health of these networks was not recorded: it is odd." in found.text


def test_a_race_is_said(tmp_path: Path) -> None:
    plan = planned(["relu", "elu", "prelu"], race=True)
    comparison = stored(tmp_path, plan, sample(plan, {"relu": 0.9, "elu": 0.905, "prelu": 0.7}))
    assert f"9 of 9 trials were run. {comparison.race}" in page(comparison).text


def test_several_studies_are_ranked(tmp_path: Path) -> None:
    means = {"relu": 0.9, "elu": 0.8, "prelu": 0.7}
    comparisons = []
    for index, name in enumerate(("a", "b", "b")):
        plan = planned(means, data={**DATA, "name": name, "sha256": "0"})
        comparisons.append(stored(tmp_path / str(index), plan, sample(plan, means)))
    found = Page(write_report(comparisons, tmp_path / "all.html").read_text("utf-8"))
    assert "Over 3 studies relu ranks first on average (mean rank 1.00 of 3)" in found.text
    assert "critical difference 1.91" in found.text
    assert {"overall", "verdicts", "s1-table", "s2-curves", "s3-again"} <= set(found.ids)
    assert f"b ({tmp_path / '2'})" in found.text  # two of one name are told apart
    assert [count for count in Counter(found.ids).values() if count > 1] == []


def test_studies_that_share_nothing_have_no_ranking(tmp_path: Path) -> None:
    studies = []
    for name in ("elu", "silu"):
        plan = planned([name])
        studies.append(stored(tmp_path / name, plan, sample(plan, {name: 0.9})))
    assert "No ranking: the 2 studies share fewer" in write_report(studies, tmp_path / "all.html").read_text("utf-8")
    with pytest.raises(kat.StudyError, match="at least one study"):
        write_report([], tmp_path / "none.html")


@pytest.mark.parametrize("kind", PLOT_KINDS)
def test_every_plot_comes_as_a_file(tmp_path: Path, evil: Comparison, kind: str) -> None:
    comparison = plain(tmp_path / "plain") if kind not in ("learned", "health") else evil
    png = comparison.plot(tmp_path / "plot.png", kind=kind)
    assert png.read_bytes().startswith(b"\x89PNG")
    root = ElementTree.fromstring(comparison.plot(tmp_path / "plot.svg", kind=kind).read_bytes())
    names = [child.tag.rpartition("}")[2] for child in root]
    assert names[:3] == ["title", "desc", "rect"]
    assert root[0].text
    assert root[1].text
    assert not [value for element in root.iter() for value in element.attrib.values() if "var(" in value]


def test_letters_that_mean_something_elsewhere_are_drawn_as_they_are(tmp_path: Path) -> None:
    plan = planned(["relu", kat.Arm.of("elu", label="$a_1$ \x00 & ]]>")])
    comparison = stored(tmp_path, plan, sample(plan, {"relu": 0.9, "$a_1$ \x00 & ]]>": 0.8}))
    comparison.plot(tmp_path / "plot.png")
    text = ElementTree.fromstring(comparison.plot(tmp_path / "plot.svg").read_bytes()).itertext()
    assert "$a_1$ � & ]]>" in list(text)


def test_what_cannot_be_drawn_or_written_is_refused(tmp_path: Path) -> None:
    comparison = plain(tmp_path)
    with pytest.raises(kat.StudyError, match=r"`kind` needs to be one of scores, forest, .*'forest'"):
        comparison.plot(kind="forrest")
    with pytest.raises(kat.StudyError, match="health of these networks was not recorded"):
        comparison.plot(kind="health")
    with pytest.raises(kat.StudyError, match="The report needs a file that can be written"):
        comparison.report(tmp_path)


def test_the_command_goes_on_with_the_very_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is stored, so the command has nothing to run, unless it asks for another study, which is refused."""
    monkeypatch.chdir(tmp_path)
    arms = ["relu", kat.Arm.of("leaky_relu", {"negative_slope": 0.2})]
    digits = data_facts(TASKS["digits"].load())
    tune = Tune.of({"learning_rate": (1e-4, 1e-2)}, mlp, "random", 2)
    plan = planned(arms, seeds=2, epochs=1, data=digits, build=build_facts(mlp), split_seed=3, tune=tune, race=True)
    tunings = [Tuning(arm=arm.label, chosen={"learning_rate": 0.003}, finished="now") for arm in plan.arms]
    comparison = stored(Path("a study"), plan, sample(plan, {arm.label: 0.9 for arm in plan.arms}), (), tunings)
    command, open_ends = words.command(comparison)
    backend, _, *rest = shlex.split(command)
    assert backend == f"KERAS_BACKEND={plan.backend}"
    result = CliRunner().invoke(app, rest)
    assert result.exit_code == 0, result.output
    assert "4 of 4 trials are stored already" in result.stderr
    assert open_ends == ""


@pytest.mark.parametrize("change", [lambda: None, networks.change_settings])
def test_the_script_goes_on_with_the_very_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[], Any]
) -> None:
    change()
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    toy = kat.from_arrays(x, (x[:, 0] > 0).astype(int), name="toy")
    arms = [kat.Arm.of("relu"), kat.Arm.of("relu", label='it\'s "quoted"')]
    plan = planned(arms, epochs=1, seeds=2, data=data_facts(toy), build=build_facts(networks.tiny))
    plan = dataclasses.replace(plan, seeds=(3, 5))
    comparison = stored(tmp_path, plan, sample(plan, {arm.label: 0.9 for arm in arms}))
    code, _ = words.command(comparison)
    apply(DEFAULTS)
    asked: list[Comparison] = []
    compare = kat.study.compare  # type: ignore[attr-defined]
    monkeypatch.setattr(kat.study, "compare", lambda *a, **k: asked.append(compare(*a, **k)))  # type: ignore[attr-defined]
    exec(code, {"network": networks.tiny, "data": toy})
    assert asked[0].outcomes == comparison.outcomes


def test_the_command_line_writes_report_and_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain(Path("a"))
    unfinished(Path("b"))

    def keras_acts(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "Report: a/report.html" in keras_acts("report", "a")
    assert Path("a/report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    out = keras_acts("report", "a", "b", "--html", "new/both.html", "--plots", "plots", "--format", "svg")
    assert "Report: new/both.html" in out
    assert 'id="s2-table"' in Path("new/both.html").read_text("utf-8")
    names = {path.name for path in Path("plots/study-1").iterdir()}
    assert names == {f"{kind}.svg" for kind in PLOT_KINDS if kind not in ("learned", "health")}
    assert json.loads(keras_acts("report", "a", "b", "--json"))["verdict"].startswith("Over 2 studies")
    assert not Path("report.html").exists()
    wrong = CliRunner().invoke(app, ["report", "a", "--format", "gif"])
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
    assert "'png' or 'svg'. Received: format='gif'" in wrong.stderr


@given(low=st.floats(-1e6, 1e6), size=st.floats(1e-6, 1e6), count=st.integers(2, 12), log=st.booleans())
def test_an_axis_has_ticks_that_differ_and_lie_on_it(low: float, size: float, count: int, log: bool) -> None:
    log = log and low > 1e-6
    high = low + max(size, 1e-6 * abs(low))
    scale = Scale(low, high, 0.0, 100.0, log)
    ticks = scale.ticks(count)
    assert 2 <= len(ticks) <= 3 * count
    assert [value for value, _ in ticks] == sorted({value for value, _ in ticks})
    slack = 1e-6 * (high - low)
    assert all(low - slack <= value <= high + slack for value, _ in ticks)
    assert scale(low) == pytest.approx(0.0)
    assert scale(high) == pytest.approx(100.0)


def test_a_range_leaves_out_only_what_is_far_off() -> None:
    assert robust_range([1.0, 2.0, 3.0, 4.0]) == (1.0, 4.0)
    assert robust_range([0.9, 0.91, 0.92, 0.93, 0.1]) == (0.9, 0.93)
    assert robust_range([0.5, 0.5, 0.5, 0.1]) == (0.1, 0.5)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0.0, "0"),
        (-0.12344, "−0.1234"),
        (26122.0, "26,122"),
        (1e-7, "1e-07"),
        (3e9, "3e+09"),
    ],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert short(value) == text


def test_quantities_have_their_unit() -> None:
    assert quantity(83_836_928.0, "B") == "80.0\N{NO-BREAK SPACE}MiB"
    assert quantity(0.13999, "s") == "0.140\N{NO-BREAK SPACE}s"
    assert quantity(1234.5, "ms") == "1,234\N{NO-BREAK SPACE}ms"
    assert quantity(26122.0, "") == "26,122"
    assert quantity(None, "s") == "–"


def test_methods_that_differ_in_a_number_are_said_once() -> None:
    texts = ["wall time; median of 402 samples, in 5 rounds", "wall time; median of 370 samples, in 5 rounds"]
    assert facts._in_one(texts) == "wall time; median of 370 to 402 samples, in 5 rounds"
    assert facts._in_one(["counted; no word for {Relu}"]) == "counted; no word for {Relu}"


def test_scores_of_any_size_can_be_read(tmp_path: Path) -> None:
    plan = planned(["relu", "elu"], metric="mse", direction="min")
    tiny = stored(tmp_path, plan, sample(plan, {"relu": 4e-6, "elu": 2e-6}, spread=1e-8))
    text = page(tiny).text
    assert not re.search(r"\b0\.0000\b", text)
    assert re.search(r"−2\.0\d\de-06|−1\.9\d\de-06", text)
    assert tiny.form == ".3e"


def test_studies_whose_first_activations_rank_alike_name_them_all_and_what_is_left_out(tmp_path: Path) -> None:
    plan = planned(["relu", "elu", "prelu"])
    means = ({"relu": 0.9, "elu": 0.5, "prelu": 0.3}, {"relu": 0.5, "elu": 0.9})
    studies = [stored(tmp_path / str(i), plan, sample(plan, found)) for i, found in enumerate(means)]
    text = " ".join(words.ranking_verdict(kat.Suite(studies, tmp_path).ranking(), 2))
    assert text.startswith("Over 2 studies relu and elu rank first alike on average (mean rank 1.50 of 2).")
    assert text.endswith("Left out, for want of a score in every study: prelu.")


def test_labels_that_differ_at_their_end_still_differ_when_cut() -> None:
    labels = [f"leaky_relu(negative_slope={slope})" for slope in (0.101, 0.102)]
    cut = [fitted(label, 110.0) for label in labels]
    assert all(width_of(text) <= 110 and "…" in text for text in cut)
    assert cut[0] != cut[1]
    assert (fitted("relu", 110.0), fitted("relu", 1.0)) == ("relu", "…")
