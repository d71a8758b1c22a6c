"""The search for an arm's hyper-parameters: KerasTuner proposes, the study's engine trains.

It sees the validation part alone, and trains with a seed that no trial of the study has. Every arm
gets the same budget in training epochs, and the same random numbers: arms with the same space are
offered the same values first.
"""

import inspect
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras_tuner as kt
from sklearn.exceptions import ConvergenceWarning

from keras_acts_tuning.cell import BestEpoch, Cell, Progress, curves, failure, seeded_model, trainer_from
from keras_acts_tuning.engine import Trainer
from keras_acts_tuning.errors import StudyError, received
from keras_acts_tuning.store import Outcome, Tuning, now
from keras_acts_tuning.tune import SEARCH_SEED, Tune, Tuned


@dataclass(frozen=True)
class Search:
    """What a cell runs instead of its trials, to find values for its arm.

    It can be ended at any moment, and another process goes on: KerasTuner is told again of the trainings that are
    known, in their order, and so proposes what it would have proposed.

    Args:
        tune: What to search, how, and how long.
        known: The trainings that have ended already, as `tuning_of` reads them from an outcome.
    """

    tune: Tune
    known: Sequence[Mapping[str, Any]] = ()

    def __call__(self, cell: Cell, report: Callable[[Progress], None]) -> Iterator[Outcome]:
        """Search.

        Yields:
            After each training the search so far, without the time when it `finished`, and at its end the whole.

        Raises:
            StudyError: The study is wrong as asked.
        """
        train = _Trainings(self.tune, cell, report)
        trials: list[dict[str, Any]] = []
        hp = self._space(cell)
        with tempfile.TemporaryDirectory() as directory:  # where an oracle writes its files, which nobody reads
            oracle = _oracle(self.tune, cell, hp)
            oracle._set_project_dir(directory, "search")
            oracle.verbose = 0
            left = self.tune.trials * cell.epochs
            while (trial := _proposed(oracle)).status == "RUNNING":
                epochs = trial.hyperparameters.values.get("tuner/epochs", cell.epochs)  # Hyperband's
                if epochs > left:
                    break
                left -= epochs
                known = self.known[len(trials)] if len(trials) < len(self.known) else None
                ended = dict(known) if known else train(trial.hyperparameters, epochs)
                if "hp" in ended:  # with all that `build` has drawn, which KerasTuner then searches too
                    trial.hyperparameters = kt.HyperParameters.from_config(ended["hp"])
                values = trial.hyperparameters.values
                ended["hp"] = trial.hyperparameters.get_config()
                ended["values"] = {name: values[name] for name in values if not name.startswith("tuner/")}
                ended["epochs"] = epochs
                if ended["score"] is None:
                    trial.status = "FAILED"
                else:
                    oracle.update_trial(trial.trial_id, {"score": ended["score"]})
                    trial.status = "COMPLETED"
                oracle.end_trial(trial)
                trials.append(ended)
                yield _so_far(cell, [*trials, *self.known[len(trials) :]])
        yield _at_its_end(cell, trials)

    def went_on(self, so_far: Outcome) -> "Search":
        """The search for a process that goes on with it."""
        return replace(self, known=so_far.details["trials"])

    def without(self, cell: Cell, ended: Outcome) -> Outcome:
        """The search when its process was ended: so far, with the training that was running as failed.

        Or at its end, where that was before it got past the last such training: another would not either.

        Args:
            cell: Whose search it is.
            ended: What has ended it.
        """
        if self.known and "values" not in self.known[-1]:
            return _at_its_end(cell, self.known)
        return _so_far(cell, [*self.known, _facts(ended)])

    def _space(self, cell: Cell) -> Any:
        """The space, with what `build` draws from `hp` when it is called once."""
        hp = kt.HyperParameters()
        self.tune.declare(hp)
        if "hp" in inspect.signature(cell.build).parameters:
            try:
                Tuned(cell.build, self.tune, hp.values, hp)(cell.arm, cell.data)
            except StudyError:
                raise
            except Exception:
                return hp  # the trials tell why
        if not hp.space:
            raise StudyError(received("`build` needs to draw something from `hp`, such as `hp.Float(…)`", drawn=[]))
        return hp


class _Trainings:
    """The trainings of a search, one after another, on one compiled model where it serves the next."""

    def __init__(self, tune: Tune, cell: Cell, report: Callable[[Progress], None]) -> None:
        self._tune, self._cell, self._report = tune, cell, report
        self._trainer: Trainer | None = None
        self._given: Mapping[str, Any] = {}

    def __call__(self, hp: Any, epochs: int) -> dict[str, Any]:
        """What became of a training with the values of `hp`."""
        started = now()
        tuned = Tuned(self._cell.build, self._tune, hp.values, hp)
        # Called with the same values and seed, `build` gives the same model. With other values, they may be numbers
        # in its graph, where nobody sees them.
        given, self._given = self._given, tuned.given
        try:
            model = seeded_model(replace(self._cell, build=tuned), SEARCH_SEED)
            self._trainer = trainer_from(self._trainer if self._given == given else None, self._cell, model)
            outcome = self._train(self._trainer, epochs)
        except StudyError:
            raise
        except Exception as error:
            outcome = failure(self._cell.arm.label, SEARCH_SEED, error, started)
            self._trainer = None
        return {"hp": hp.get_config(), **_facts(outcome)}

    def _train(self, trainer: Trainer, epochs: int) -> Outcome:
        arm, metric = self._cell.arm.label, self._cell.metric

        def tell(epoch: int, value: float) -> None:
            self._report(Progress(arm, SEARCH_SEED, epoch, value))

        best = BestEpoch(metric, self._cell.direction, tell)
        # From its start, also where Hyperband continues a shorter training: with the same seed it is the same one.
        training = trainer.train(epochs, seed=SEARCH_SEED, callbacks=[best])
        outcome = Outcome(arm=arm, seed=SEARCH_SEED, status="completed", measures={"train_s": training.train_s})
        if best.diverged is not None:
            return replace(outcome, status="diverged", reason=best.diverged)
        return replace(outcome, score=curves(training.history)[f"val_{metric}"][best.epoch - 1], best_epoch=best.epoch)


def _facts(outcome: Outcome) -> dict[str, Any]:
    """What is kept of a training."""
    facts = {name: getattr(outcome, name) for name in ("status", "reason", "score", "best_epoch")}
    return {**facts, "train_s": outcome.measures.get("train_s")}


def _so_far(cell: Cell, trials: Sequence[Mapping[str, Any]]) -> Outcome:
    return Outcome(arm=cell.arm.label, seed=SEARCH_SEED, status="completed", details={"trials": tuple(trials)})


def _at_its_end(cell: Cell, trials: Sequence[Mapping[str, Any]]) -> Outcome:
    """The whole search, with the values that did best; of equal ones the first."""
    trials = [{name: fact for name, fact in trial.items() if name != "hp"} for trial in trials]
    outcome = replace(_so_far(cell, trials), finished=now())
    completed = [trial for trial in trials if trial["score"] is not None]
    if not completed:
        return replace(outcome, status="failed", reason=trials[0]["reason"])
    best = (max if cell.direction == "max" else min)(completed, key=lambda trial: trial["score"])
    return replace(outcome, score=best["score"], details={**outcome.details, "chosen": best["values"]})


def tuning_of(outcome: Outcome) -> Tuning:
    """What a search has found, from its outcome: no values where it failed, or has not ended."""
    details = outcome.details
    return Tuning(
        arm=outcome.arm, chosen=details.get("chosen", {}), trials=details["trials"], finished=outcome.finished
    )


def failures(cell: Cell, tuning: Tuning) -> list[Outcome]:
    """The outcomes of a cell's trials where the search found no values for them."""
    reason = f"the search for its hyper-parameters found none: {tuning.trials[0]['reason']}"
    return [
        Outcome(arm=cell.arm.label, seed=seed, status="failed", reason=reason, started=now(), finished=now())
        for seed in cell.seeds
    ]


def _oracle(tune: Tune, cell: Cell, hp: Any) -> Any:
    settings = {
        "objective": kt.Objective("score", cell.direction),
        "hyperparameters": hp,
        "seed": 1,
        "max_consecutive_failed_trials": sys.maxsize,
    }
    match tune.tuner:
        case "random":
            return kt.oracles.RandomSearchOracle(max_trials=tune.trials, **settings)
        case "bayesian":
            return kt.oracles.BayesianOptimizationOracle(max_trials=tune.trials, **settings)
        case "hyperband":  # again and again, until the budget is spent
            return kt.oracles.HyperbandOracle(max_epochs=cell.epochs, hyperband_iterations=None, **settings)


def _proposed(oracle: Any) -> Any:
    """KerasTuner's next trial."""
    with warnings.catch_warnings():
        # A Gaussian process of a handful of points; it says so at every suggestion.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return oracle.create_trial("search")
