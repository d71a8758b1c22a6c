"""The search for an arm's hyper-parameters: KerasTuner proposes, the study's engine trains.

It sees the validation part alone, and trains with a seed that no trial of the study has. Every arm
gets the same budget in training epochs, and the same random numbers: arms with the same space are
offered the same values first.
"""

import inspect
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras_tuner as kt
from sklearn.exceptions import ConvergenceWarning

from keras_acts_tuning.cell import BestEpoch, Cell, Progress, curves, failure, seeded_model, trainer_of
from keras_acts_tuning.engine import Trainer
from keras_acts_tuning.errors import StudyError, received
from keras_acts_tuning.store import Outcome, Tuning, now
from keras_acts_tuning.tune import SEARCH_SEED, Tune, Tuned


@dataclass(frozen=True)
class Search:
    """What a cell runs instead of its trials, to find values for its arm.

    Args:
        tune: What to search, how, and how long.
    """

    tune: Tune

    def __call__(self, cell: Cell, report: Callable[[Progress], None]) -> Outcome:
        """Search: the outcome's details hold what `tuning_of` reads.

        Raises:
            StudyError: The study is wrong as asked.
        """
        started = now()
        hp = self._space(cell)
        with tempfile.TemporaryDirectory() as directory:  # where an oracle writes its files, which nobody reads
            oracle = _oracle(self.tune, cell, hp)
            oracle._set_project_dir(directory, "search")
            oracle.verbose = 0
            with warnings.catch_warnings():
                # A Gaussian process of a handful of points; it says so at every suggestion.
                warnings.simplefilter("ignore", ConvergenceWarning)
                trials = self._run(cell, oracle, report)
        outcome = Outcome(
            arm=cell.arm.label,
            seed=SEARCH_SEED,
            status="completed",
            started=started,
            finished=now(),
            details={"trials": trials},
        )
        completed = [trial for trial in trials if trial["score"] is not None]
        if not completed:
            reason = trials[0]["reason"] if trials else "KerasTuner proposed nothing"
            return replace(outcome, status="failed", reason=reason)
        best = (max if cell.direction == "max" else min)(completed, key=lambda trial: trial["score"])
        return replace(outcome, score=best["score"], details={"trials": trials, "chosen": best["values"]})

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

    def _run(self, cell: Cell, oracle: Any, report: Callable[[Progress], None]) -> list[dict[str, Any]]:
        trainer: Trainer | None = None
        trials: list[dict[str, Any]] = []
        left = self.tune.trials * cell.epochs
        while (trial := oracle.create_trial("search")).status == "RUNNING":
            hp = trial.hyperparameters
            epochs = hp.values.get("tuner/epochs", cell.epochs)  # Hyperband's
            if epochs > left:
                break
            left -= epochs
            started = now()
            tuned = replace(cell, build=Tuned(cell.build, self.tune, hp.values, hp))
            try:
                model = seeded_model(tuned, SEARCH_SEED)
                trainer = _ready(trainer, cell, model)
                outcome = _train(cell, trainer, epochs, report)
            except StudyError:
                raise
            except Exception as error:
                outcome = failure(cell.arm.label, SEARCH_SEED, error, started)
                trainer = None
            if outcome.score is None:
                trial.status = "FAILED"
            else:
                oracle.update_trial(trial.trial_id, {"score": outcome.score})
                trial.status = "COMPLETED"
            oracle.end_trial(trial)
            trials.append(
                {
                    "values": {name: value for name, value in hp.values.items() if not name.startswith("tuner/")},
                    "epochs": epochs,
                    "status": outcome.status,
                    "reason": outcome.reason,
                    "score": outcome.score,
                    "best_epoch": outcome.best_epoch,
                    "train_s": outcome.measures.get("train_s"),
                }
            )
        return trials


def tuning_of(outcome: Outcome) -> Tuning:
    """What a search found, from its outcome; nothing where it failed."""
    unfinished = [{"status": outcome.status, "reason": outcome.reason}]  # where its process was ended
    return Tuning(
        arm=outcome.arm,
        chosen=outcome.details.get("chosen", {}),
        trials=outcome.details.get("trials", unfinished),
        finished=outcome.finished,
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


def _ready(trainer: Trainer | None, cell: Cell, model: Any) -> Trainer:
    """A trainer of the model: the one there is, where only numbers differ that its graphs do not hold."""
    if trainer is not None:
        try:
            trainer.restart_from(model)
            return trainer
        except ValueError:
            pass  # another architecture
    return trainer_of(cell, model)


def _train(cell: Cell, trainer: Trainer, epochs: int, report: Callable[[Progress], None]) -> Outcome:
    def tell(epoch: int, value: float) -> None:
        report(Progress(cell.arm.label, SEARCH_SEED, epoch, value))

    best = BestEpoch(cell.metric, cell.direction, tell)
    # From its start, also where Hyperband continues a shorter training: with the same seed it is the same one.
    training = trainer.train(epochs, seed=SEARCH_SEED, callbacks=[best])
    outcome = Outcome(arm=cell.arm.label, seed=SEARCH_SEED, status="completed", measures={"train_s": training.train_s})
    if best.diverged is not None:
        return replace(outcome, status="diverged", reason=best.diverged)
    score = curves(training.history)[f"val_{cell.metric}"][best.epoch - 1]
    return replace(outcome, score=score, best_epoch=best.epoch)
