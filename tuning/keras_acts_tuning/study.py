"""Running a study: plan it, search what is to be tuned, train what is missing, and time what has trained."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from keras_acts_tuning.analyse import Direction
from keras_acts_tuning.arms import Arm, arms_from
from keras_acts_tuning.cell import Cell, Progress
from keras_acts_tuning.comparison import Comparison, load, standing
from keras_acts_tuning.data import Data, Kind, Splits, from_arrays, load_file, split
from keras_acts_tuning.errors import StudyError, nearest, received
from keras_acts_tuning.execute import Execution, execute
from keras_acts_tuning.lane import lane
from keras_acts_tuning.network import Network
from keras_acts_tuning.plan import Plan, build_facts, data_facts, direction_of, network_facts, seeds_from
from keras_acts_tuning.store import Outcome, Store, Tuning, now
from keras_acts_tuning.tasks import TASKS, default_build, find_task
from keras_acts_tuning.tune import SEARCH_SEED, Space, Tune, Tuned, Tuner

RESULTS = Path("results")
"""Where studies go unless told otherwise, each in a directory with its data's name."""


class Listener:
    """What a comparison tells while it runs; override what is of interest."""

    def planned(self, plan: Plan, finished: list[Outcome]) -> None:
        """The study begins, or goes on after the trials that are finished."""

    def progressed(self, progress: Progress) -> None:
        """A trial has ended an epoch."""

    def searched(self, tuning: Tuning) -> None:
        """An arm's hyper-parameters were searched, and what was found is in the store."""

    def ended(self, outcome: Outcome) -> None:
        """A trial has ended, and is in the store."""

    def measuring(self, labels: list[str]) -> None:
        """All trials have ended, and these activations are about to be timed."""


def compare(
    build: Callable[..., Any] | keras.Model | None = None,
    data: Data | tuple[Any, Any] | str | Path = "digits",
    *,
    activations: Iterable[str | Arm] | str | None = None,
    reference: str = "relu",
    seeds: int | Iterable[int] = 5,
    epochs: int | None = None,
    batch_size: int = 32,
    metric: str | None = None,
    direction: Direction | None = None,
    target: str | None = None,
    kind: Kind | None = None,
    split_seed: int = 0,
    directory: str | Path | None = None,
    extend: bool = False,
    tune: Space | None = None,
    tuner: Tuner | None = None,
    tune_trials: int | None = None,
    race: bool = False,
    measure: bool = True,
    execution: Execution | None = None,
    listener: Listener | None = None,
) -> Comparison:
    """Compare activations on your model and data.

    Every activation is trained with the same seeds, data order and budget. Each trial picks its
    best epoch on the validation part and is scored on the test part, which chose nothing. A study
    that was stopped goes on where it was, with the same call.

    Args:
        build: A function that returns a compiled model. It is called with those of these arguments
            that it names: `activation` (call it for a fresh layer, as often as needed;
            `activation.initializer` is the kernel initializer that suits it), `data`, the names in
            `tune`, and KerasTuner's `hp`: what it draws from `hp` is tuned. Or a compiled Keras model,
            whose hidden activations `keras_acts.replace` replaces; its initializers stay, and its
            weights start anew with each seed, but for frozen layers. Defaults to a small network that
            fits the data.
        data: The name of a built-in task, a `.npz` or `.csv` file, a pair of arrays `(x, y)`, or
            `Data`. Defaults to `"digits"`.
        activations: Names, texts such as `"leaky_relu(negative_slope=0.1)"`, or `Arm`s; or one text
            with commas. Defaults to twelve classics.
        reference: Label of the activation that the others are measured against. Defaults to
            `"relu"`, which is added where it is missing.
        seeds: How many seeds, or the seeds themselves. Defaults to `5`.
        epochs: Training epochs a trial. Defaults to what the task says, else 20.
        batch_size: Examples a step. Defaults to `32`.
        metric: The metric that counts, one that the model computes. Defaults to `"accuracy"`, for
            a regression `"rmse"`.
        direction: `"max"` or `"min"`; needed where the metric's name does not tell.
        target: The target column of a `.csv`.
        kind: `"classification"` or `"regression"`, of a file or of arrays. By default words and at most 100
            different whole numbers are classes, other targets a regression.
        split_seed: Seed of the split in training, validation and test part. Defaults to `0`.
        directory: Where the study is stored. Defaults to `results/` and the data's name.
        extend: Whether a stored study may be extended by activations or seeds. Defaults to `False`.
        tune: What to tune for each activation before its trials, on the validation part and with a
            seed of its own: `{"learning_rate": (1e-4, 1e-2), "units": [32, 64]}`, ranges as pairs (on a
            log scale where both ends are above 0) and choices as lists. `build` gets what it names;
            a `learning_rate` that it does not name is set in the optimizer.
        tuner: `"random"`, `"bayesian"` or `"hyperband"`, KerasTuner's. Defaults to `"random"`.
        tune_trials: The budget of each activation's search, in trainings of `epochs`. Defaults to `10`.
        race: Whether activations that are beyond doubt not the best stop early, and the study with
            them when the seeds left would hardly change the answer; see `keras_acts_tuning.analyse.race`.
            The seeds then take turns, each trial in a process of its own, so that it pays where a
            training takes longer than compiling. Defaults to `False`.
        measure: Whether to time each activation apart, after all trials and alone on this machine: a
            second or two each. What has been measured is not measured again. Defaults to `True`.
        execution: Workers and limits. Defaults to one worker without limits.
        listener: Told of each step.

    Returns:
        The comparison, read from the store.

    Raises:
        StudyError: Anything asked for is not possible. What only a process that builds the network can find out,
            such as a metric that it does not compute, ends the study at the start of a training; a directory
            in which no trial and no search has ended is free for another study.
    """
    task = find_task(data) if isinstance(data, str) else None
    data = resolve_data(data, target, kind)
    if isinstance(build, keras.Model):
        build = Network(build)
    if isinstance(build, Network):
        build.check(data)
    build = build or (task.build if task else default_build(data))
    arms = arms_from(activations)
    if reference not in [arm.label for arm in arms]:
        arms = (Arm.parse(reference), *arms)
        reference = arms[0].label
    metric = metric or ("accuracy" if data.kind == "classification" else "rmse")
    plan = Plan(
        data=data_facts(data),
        build=build_facts(build),
        network=network_facts(build),
        arms=arms,
        reference=reference,
        seeds=seeds_from(seeds),
        epochs=epochs if epochs is not None else (task.epochs if task else 20),
        batch_size=batch_size,
        metric=metric,
        direction=direction or direction_of(metric),
        split_seed=split_seed,
        tune=Tune.of(tune, build, tuner, tune_trials),
        race=race,
    )
    splits = split(data, seed=split_seed)
    directory = Path(directory) if directory is not None else RESULTS / data.name
    with Store.create_or_resume(directory, plan, created=now(), extend=extend) as store:
        study = _Study(plan, build, data, splits, store, execution or Execution(), listener or Listener())
        study.run()
        if measure:
            study.measure()
    return load(directory)


@dataclass(frozen=True)
class _Study:
    """A study that is open to be run."""

    plan: Plan
    build: Callable[..., Any]
    data: Data
    splits: Splits
    store: Store
    execution: Execution
    listener: Listener

    def run(self) -> None:
        """Train every trial that is missing."""
        self.listener.planned(self.plan, self.store.outcomes(long=False))
        self._search()
        ended = self.store.outcomes() if self.plan.race else []
        with closing(execute(self._missing(ended), self.execution, self.listener.progressed)) as outcomes:
            for outcome in outcomes:
                self._keep(outcome)
                if self.plan.race:
                    ended.append(outcome)
                    if standing(self.plan, ended).ended:
                        return  # what still runs beside it can change nothing

    def measure(self) -> None:
        """Time those arms that have trained and are not measured yet."""
        known = {measurement.arm for measurement in self.store.measurements()}
        step_ms: dict[str, list[float]] = defaultdict(list)
        for outcome in self.store.outcomes(long=False):
            if outcome.status == "completed" and (ms := outcome.measures.get("step_ms")):
                step_ms[outcome.arm].append(ms)
        todo = [self._cell(arm) for arm in self.plan.arms if arm.label in step_ms.keys() - known]
        if not todo:
            return
        self.listener.measuring([cell.arm.label for cell in todo])
        step_s = {label: statistics.median(values) / 1e3 for label, values in step_ms.items()}
        for measurements, environment in lane(todo, step_s, self.execution):
            self.store.add_measurements(measurements, environment)

    def _search(self) -> None:
        """Search the hyper-parameters of each arm that has trials left; where a search finds none, they have failed."""
        if (tune := self.plan.tune) is None:
            return
        from keras_acts_tuning.search import Search, failures, tuning_of

        found = {label: Tuning(arm=label, chosen={}) for label in self._left}
        found |= {tuning.arm: tuning for tuning in self.store.tunings()}
        searches = [
            replace(self._untuned(self.plan.arm(label)), seeds=(SEARCH_SEED,), search=Search(tune, found[label].trials))
            for label in self._left
            if not found[label].finished
        ]
        with closing(execute(searches, self.execution, self.listener.progressed)) as outcomes:
            for outcome in outcomes:
                tuning = found[outcome.arm] = tuning_of(outcome)
                self.store.add_tuning(tuning)
                if tuning.finished:
                    self.listener.searched(tuning)
        for label in [label for label in self._left if not found[label].chosen]:
            cell = replace(self._untuned(self.plan.arm(label)), seeds=self._left.pop(label))
            for outcome in failures(cell, found[label]):
                self._keep(outcome)

    @cached_property
    def _left(self) -> dict[str, tuple[int, ...]]:
        """The seeds that each arm has not run."""
        finished = self.store.finished()
        left = {
            arm.label: tuple(seed for seed in self.plan.seeds if (arm.label, seed) not in finished)
            for arm in self.plan.arms
        }
        return {label: seeds for label, seeds in left.items() if seeds}

    def _missing(self, ended: list[Outcome]) -> Iterator[Cell | None]:
        """The cells to run, in the order to start them; in a race as it asks for them, given what has `ended`."""
        if not self.plan.race:
            yield from (replace(self._cell(self.plan.arm(label)), seeds=seeds) for label, seeds in self._left.items())
            return
        asked = {(outcome.arm, outcome.seed) for outcome in ended}
        while todo := standing(self.plan, ended).todo:
            if fresh := [trial for trial in todo if trial not in asked]:
                label, seed = fresh[0]
                asked.add((label, seed))
                yield replace(self._cell(self.plan.arm(label)), seeds=(seed,))
            else:
                yield None

    def _cell(self, arm: Arm) -> Cell:
        """The arm's cell, with what was tuned for it."""
        cell = self._untuned(arm)
        if self.plan.tune is None:
            return cell
        return replace(cell, build=Tuned(self.build, self.plan.tune, self._chosen[arm.label]))

    def _untuned(self, arm: Arm) -> Cell:
        plan = self.plan
        return Cell(
            arm,
            plan.seeds,
            self.build,
            self.data,
            self.splits,
            plan.epochs,
            plan.batch_size,
            plan.metric,
            plan.direction,
        )

    @cached_property
    def _chosen(self) -> dict[str, Any]:
        return {tuning.arm: tuning.chosen for tuning in self.store.tunings()}

    def _keep(self, outcome: Outcome) -> None:
        alone = self.execution.workers in (None, 1) and self.execution.address is None
        self.store.add(replace(outcome, details={**outcome.details, "alone": alone}))
        self.listener.ended(outcome)


def resolve_data(
    data: Data | tuple[Any, Any] | str | Path, target: str | None = None, kind: Kind | None = None
) -> Data:
    """The data that a name, a path or arrays mean.

    Raises:
        StudyError: They mean nothing, or the data cannot be studied.
    """
    if isinstance(data, Data):
        return _of_its_kind(data, kind)
    if isinstance(data, tuple):
        if len(data) != 2:
            raise StudyError(received("Arrays need to come as a pair (x, y)", length=len(data)))
        return from_arrays(*data, kind=kind)
    if task := find_task(str(data)):
        if target is not None:
            raise StudyError(received("`--target` names a column of a .csv", target=target, data=str(data)))
        return _of_its_kind(task.load(), kind)
    if not Path(data).suffix and not Path(data).exists():
        raise StudyError(
            received(
                f"DATA needs to be a built-in task, or a .npz or .csv file; {nearest(str(data), TASKS)}", data=str(data)
            )
        )
    return load_file(data, target, kind)


def _of_its_kind(data: Data, kind: Kind | None) -> Data:
    """Data that are of a kind already, which nothing else can be said of."""
    if kind not in (None, data.kind):
        need = f"`kind` is for files and arrays: {data.name} is a {data.kind}"
        raise StudyError(received(need, kind=kind))
    return data
