"""A comparison: paired, repeatable, resumable, and unharmed by trials that fail."""

import dataclasses
import functools
import inspect
import math
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import networks
import numpy as np
import pytest

import keras_acts_tuning as kat
from keras_acts_tuning.cell import BestEpoch
from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.execute import RETRIES
from keras_acts_tuning.network import Network
from keras_acts_tuning.plan import build_facts
from keras_acts_tuning.store import FILE_NAME, Outcome, Store

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype("float32")
TOY = kat.from_arrays(X, (X[:, 0] * X[:, 1] > 0).astype(int), name="toy")


def study(directory: Path, build: Any = networks.tiny, **changes: Any) -> Comparison:
    settings: dict[str, Any] = {
        "activations": "relu,tanh,prelu",
        "seeds": 2,
        "epochs": 2,
        "directory": directory,
        "measure": False,
        "execution": kat.Execution(in_process=True),
    }
    return kat.compare(build, TOY, **{**settings, **changes})


def results(comparison: Comparison) -> dict[tuple[str, int], Any]:
    return {(o.arm, o.seed): (o.status, o.score, o.best_epoch, o.history) for o in comparison.outcomes}


def test_two_runs_with_the_same_seeds_are_equal(tmp_path: Path) -> None:
    assert results(study(tmp_path / "a")) == results(study(tmp_path / "b"))


def test_a_process_of_its_own_changes_nothing(tmp_path: Path) -> None:
    here = study(tmp_path / "here")
    there = study(tmp_path / "there", execution=kat.Execution(workers=2))
    assert results(here) == results(there)


def test_seeds_differ_and_the_order_of_trials_does_not_matter(tmp_path: Path) -> None:
    one = study(tmp_path / "a", seeds=[0, 1])
    assert one.scores("relu")[0] != one.outcomes[1].history["loss"]
    other = study(tmp_path / "b", seeds=[1, 0], activations="prelu,relu,tanh")
    assert results(one) == results(other)
    histories = [o.history["loss"] for o in one.outcomes if o.arm == "relu"]
    assert histories[0] != histories[1]


def test_trials_with_one_seed_are_paired(tmp_path: Path) -> None:
    """Two names for one function give one history: same weights, same data order."""
    twins = [kat.Arm.of("relu"), kat.Arm.of("relu", label="twin")]
    comparison = study(tmp_path, activations=twins)
    by_arm = {label: [o.history for o in comparison.outcomes if o.arm == label] for label in ("relu", "twin")}
    assert by_arm["relu"] == by_arm["twin"]


def test_the_best_validation_epoch_is_scored_on_the_test_part(tmp_path: Path) -> None:
    for outcome in study(tmp_path, epochs=6).outcomes:
        curve = outcome.history["val_accuracy"]
        assert outcome.best_epoch == 1 + int(np.argmax(curve))
        assert outcome.score == outcome.measures["test_accuracy"]


def test_a_metric_of_several_values_is_numbered(tmp_path: Path) -> None:
    first, second = study(tmp_path / "a", networks.judging_by_class, activations="relu", seeds=2).outcomes
    for outcome in (first, second):
        assert outcome.status == "completed"
        assert outcome.score == outcome.measures["test_accuracy"]
        assert sum(outcome.measures[f"test_by_class_{place}"] or 0 for place in (0, 1)) == pytest.approx(1)
        np.testing.assert_allclose(np.add(*(outcome.history[f"val_by_class_{place}"] for place in (0, 1))), 1)
    settings: dict[str, Any] = {"metric": "by_class_1", "direction": "max", "tune": {"learning_rate": [1e-3, 1e-2]}}
    chosen = study(tmp_path / "b", networks.judging_by_class, activations="relu", seeds=1, **settings, tune_trials=2)
    assert chosen.outcomes[0].status == "completed"
    assert chosen.outcomes[0].score == chosen.outcomes[0].measures["test_by_class_1"]
    with pytest.raises(kat.StudyError, match=r"metric='by_class', computed=.*'by_class_0'"):
        study(tmp_path / "c", networks.judging_by_class, metric="by_class", direction="max")


def test_a_metric_to_be_minimised_picks_the_least(tmp_path: Path) -> None:
    data = kat.from_arrays(X, X[:, 0] * 3 + X[:, 1], name="line", kind="regression")
    comparison = kat.compare(
        networks.tiny,
        data,
        activations="relu,tanh",
        seeds=2,
        epochs=4,
        directory=tmp_path,
        measure=False,
        execution=kat.Execution(in_process=True),
    )
    assert comparison.plan.direction == "min"
    for outcome in comparison.outcomes:
        assert outcome.best_epoch == 1 + int(np.argmin(outcome.history["val_rmse"]))
    means = [row.mean for row in comparison.table()]
    assert means == sorted(means)


def test_what_is_stored_is_not_run_again(tmp_path: Path) -> None:
    first = study(tmp_path, seeds=1)
    second = study(tmp_path, seeds=2, extend=True)
    assert [o for o in second.outcomes if o.seed == 0] == first.outcomes  # times and all: the very rows
    assert len(second.outcomes) == 6


def test_a_study_from_before_plans_had_settings_goes_on_and_is_no_study_of_other_ones(tmp_path: Path) -> None:
    first = study(tmp_path, seeds=1, epochs=1)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    with connection:
        connection.execute("UPDATE study SET plan = json_remove(plan, '$.settings')")
    connection.close()
    assert study(tmp_path, seeds=1, epochs=1).outcomes == first.outcomes
    keras.config.set_floatx("float64")
    with pytest.raises(kat.StudyError, match="settings floatx: stored 'float32', asked 'float64'"):
        study(tmp_path, seeds=1, epochs=1)


def test_the_reference_joins_where_it_is_missing(tmp_path: Path) -> None:
    comparison = study(tmp_path, activations="tanh", seeds=1, epochs=1)
    assert {row.activation for row in comparison.table()} == {"relu", "tanh"}


def test_what_was_learned_is_recorded(tmp_path: Path) -> None:
    learned = {o.arm: o.details["learned"] for o in study(tmp_path, seeds=1).outcomes}
    assert learned["relu"] == {}
    ((name, values),) = learned["prelu"].items()
    assert "prelu" in name.replace("_", "")
    assert values["alpha"]["least"] <= values["alpha"]["mean"] <= values["alpha"]["greatest"]


@pytest.mark.parametrize(
    ("build", "status", "reason"),
    [
        (networks.raising, "failed", r"RuntimeError: no network for <tanh> today"),
        (networks.exploding, "diverged", r"(nan|inf) in epoch 1"),
        (networks.greedy, "out_of_memory", r"MemoryError"),
    ],
)
def test_a_trial_that_fails_is_an_outcome_and_harms_no_other(
    tmp_path: Path, build: Any, status: str, reason: str
) -> None:
    comparison = study(tmp_path / "a", build)
    sound = results(study(tmp_path / "b"))
    for outcome in comparison.outcomes:
        if outcome.arm == "tanh":
            assert outcome.status == status
            assert re.search(reason, outcome.reason)
            assert outcome.score is None
        else:
            assert results(comparison)[outcome.arm, outcome.seed] == sound[outcome.arm, outcome.seed]
    last = comparison.table()[-1]
    assert (last.activation, last.completed, last.planned, last.mean) == ("tanh", 0, 2, None)
    assert comparison.complete
    comparison.plot()


def test_a_trial_that_hangs_is_ended(tmp_path: Path) -> None:
    how = kat.Execution(workers=2, trial_timeout_s=25.0)
    comparison = study(tmp_path, networks.hanging, activations="relu,tanh", seeds=1, execution=how)
    statuses = {o.arm: (o.status, o.reason) for o in comparison.outcomes}
    assert statuses["relu"][0] == "completed"
    assert statuses["tanh"] == ("timed_out", "ran longer than the limit of 25 s")


@pytest.mark.parametrize("deaths", [1, RETRIES + 1])
def test_a_killed_process_loses_only_its_trial(tmp_path: Path, deaths: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deaths").write_text(str(deaths))
    comparison = study(tmp_path / "study", networks.dying, seeds=2, execution=kat.Execution())
    counts = {(o.arm, o.seed) for o in comparison.outcomes}
    assert len(comparison.outcomes) == len(counts) == 6
    failed = {(o.arm, o.seed): o.reason for o in comparison.failures}
    if deaths == 1:
        assert not failed
    else:
        assert set(failed) == {("tanh", 0)}
        assert "signal 9, 3 times" in failed["tanh", 0]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (networks.uncompiled, "compiled Keras model. Received: returned='Sequential'"),
        (networks.no_model, "compiled Keras model. Received: returned='int'"),
    ],
)
@pytest.mark.parametrize("in_process", [True, False])
def test_a_build_that_gives_no_compiled_model_ends_the_study(
    tmp_path: Path, build: Any, message: str, in_process: bool
) -> None:
    with pytest.raises(kat.StudyError, match=message):
        study(tmp_path, build, execution=kat.Execution(in_process=in_process))
    with Store.open(tmp_path) as store:
        assert store.finished() == set()


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_metric_that_the_model_lacks_is_refused_and_can_be_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_eagerly: bool
) -> None:
    def build(activation: Any) -> keras.Model:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), activation(), keras.layers.Dense(1)])
        model.compile("adam", "mse", metrics=[keras.metrics.RootMeanSquaredError()], run_eagerly=run_eagerly)
        return model

    epochs: list[int] = []
    monkeypatch.setattr(BestEpoch, "on_epoch_begin", lambda *_: epochs.append(1))
    line = kat.from_arrays(X, X[:, 0] * 3 + X[:, 1], name="line", kind="regression")
    how: dict[str, Any] = {"directory": tmp_path, "measure": False, "execution": kat.Execution(in_process=True)}
    message = "such as `--metric root_mean_squared_error`. Received: metric='rmse', computed=['root_mean_squared_err"
    with pytest.raises(kat.StudyError, match=re.escape(message)):
        kat.compare(build, line, activations="relu", seeds=1, epochs=2, **how)
    assert len(epochs) == (run_eagerly and keras.backend.backend() == "tensorflow")  # which knows no sooner
    epochs.clear()
    corrected = kat.compare(build, line, activations="relu", seeds=1, epochs=2, metric="root_mean_squared_error", **how)
    assert corrected.complete
    assert len(epochs) == 2


def test_a_directory_is_free_until_a_trial_is_stored(tmp_path: Path) -> None:
    with pytest.raises(kat.StudyError, match="compiled Keras model"):
        study(tmp_path, networks.uncompiled)
    assert study(tmp_path, seeds=1, epochs=1).complete
    with pytest.raises(kat.StudyError, match="holds another study"):
        study(tmp_path, seeds=1, epochs=2)


def test_networks_of_one_source_that_differ_in_a_value_are_never_mixed(tmp_path: Path) -> None:
    def narrow(activation: Any, data: Any) -> keras.Model:
        return networks.wide(activation, data, units)

    units = 4
    for name, build in (("partial", functools.partial(networks.wide, units=4)), ("closure", narrow)):
        study(tmp_path / name, build, activations="relu", seeds=1, epochs=1)
        assert study(tmp_path / name, build, activations="relu", seeds=1, epochs=1).complete
    units = 64
    with pytest.raises(kat.StudyError, match="network units: stored '4', asked '64'"):
        study(tmp_path / "closure", narrow, activations="relu", seeds=2, epochs=1, extend=True)
    build = functools.partial(networks.wide, units=64)
    with pytest.raises(kat.StudyError, match="network units: stored '4', asked '64'"):
        study(tmp_path / "partial", build, activations="relu", seeds=2, epochs=1, extend=True)


@pytest.mark.parametrize("seeds", [np.int64(2), np.arange(2), [np.int32(0), 1]])
def test_numbers_of_numpy_are_numbers(tmp_path: Path, seeds: Any) -> None:
    plan = study(tmp_path, seeds=seeds, epochs=np.int64(1), batch_size=np.int8(32), split_seed=np.uint8(3)).plan
    assert (plan.seeds, plan.epochs, plan.batch_size, plan.split_seed) == ((0, 1), 1, 32, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": 0}, "`seeds` needs to be a whole number from 1 to 2147483647. Received: seeds=0"),
        ({"seeds": True}, "`seeds` needs to be a whole number"),
        ({"seeds": [0.5]}, "`seeds` needs to be a whole number from 0 to 2147483647. Received: seeds=0.5"),
        ({"seeds": [2**64]}, "`seeds` needs to be a whole number from 0 to 2147483647"),
        ({"seeds": "5"}, "`seeds` needs to be a whole number from 0"),
        ({"epochs": 1.5}, "`epochs` needs to be a whole number from 1 to 2147483647. Received: epochs=1.5"),
        ({"batch_size": None}, "`batch_size` needs to be a whole number from 1"),
        ({"split_seed": -1}, "`split_seed` needs to be a whole number from 0"),
        ({"tune": {"learning_rate": (0.1, 0.2)}, "tune_trials": 1.5}, "`tune_trials` needs to be a whole number from"),
        ({"direction": "up"}, "`direction` needs to be 'max' or 'min'"),
        ({"kind": "regression"}, "`kind` is for files and arrays: toy is a classification. Received: kind='reg"),
    ],
)
def test_settings_that_cannot_be_are_refused_early(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(kat.StudyError, match=re.escape(message)):
        study(tmp_path / "none", **settings)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        ({"workers": 0}, "at least 1. Received: workers=0"),
        ({"trial_timeout_s": 0.0}, "above 0. Received: trial_timeout_s=0.0"),
        ({"in_process": True, "workers": 2}, "one cell at a time"),
    ],
)
def test_an_execution_that_cannot_be_is_refused(execution: dict[str, Any], message: str) -> None:
    with pytest.raises(kat.StudyError, match=message):
        kat.Execution(**execution)


def compiled(*hidden: Any, outputs: int = 2, inputs: int = 4) -> keras.Model:
    model = keras.Sequential([keras.Input((inputs,)), *hidden, keras.layers.Dense(outputs, "softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_model_is_compared_with_its_activations_replaced(tmp_path: Path) -> None:
    frozen = keras.layers.Dense(8, "relu", trainable=False, kernel_initializer="he_normal")
    model = compiled(frozen, keras.layers.Dense(6, "relu"))
    before = [np.array(weight) for weight in model.get_weights()]
    first = study(tmp_path / "a", model, execution=kat.Execution())
    assert {o.status for o in first.outcomes} == {"completed"}
    losses = {(o.arm, o.seed): o.history["loss"][0] for o in first.outcomes}
    assert len(set(losses.values())) == 6  # neither the arms nor the seeds are one
    counts = {o.arm: o.measures["parameters"] for o in first.outcomes}
    assert counts["relu"] == counts["tanh"] == model.count_params()
    assert counts["prelu"] == model.count_params() + 8 + 6
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_model_is_known_by_its_config_and_by_the_weights_it_keeps() -> None:
    def facts(units: int = 6, first: int = 0, last: int = 0, rate: float = 0.01) -> dict[str, str]:
        frozen = keras.layers.Dense(8, "relu", trainable=False)
        model = compiled(frozen, keras.layers.Dense(units, "relu"))
        model.optimizer.learning_rate = rate
        for layer, seed in ((model.layers[0], first), (model.layers[-1], last)):
            random = np.random.default_rng(seed)
            layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
        return build_facts(Network(model))

    assert facts() == facts() == facts(last=1)  # by other names each time; weights that start anew do not count
    assert len({facts()["sha256"], facts(7)["sha256"], facts(first=1)["sha256"], facts(rate=0.5)["sha256"]}) == 4


def test_a_model_gives_what_a_function_gives(tmp_path: Path) -> None:
    def build(activation: Any) -> keras.Model:
        return compiled(keras.layers.Dense(8), activation())

    model = compiled(keras.layers.Dense(8), keras.layers.ReLU())
    by_model, by_function = (
        study(tmp_path / name, network, activations="relu,tanh") for name, network in (("a", model), ("b", build))
    )
    assert results(by_model) == results(by_function)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: keras.Sequential([keras.layers.Dense(2, "relu")]), "needs to be compiled"),
        (compiled, r"needs hidden activations that can be replaced .*gives the model's output"),
        (lambda: compiled(keras.layers.Dense(8, "relu"), inputs=5), r"input_shape=\(None, 5\), example=\(4,\)"),
    ],
)
def test_a_model_that_cannot_be_compared_is_refused_early(tmp_path: Path, model: Any, message: str) -> None:
    with pytest.raises(kat.StudyError, match=message):
        study(tmp_path / "none", model())
    assert not (tmp_path / "none").exists()


def test_the_table_is_read_from_the_store_alone(tmp_path: Path) -> None:
    assert kat.load(tmp_path / study(tmp_path).directory).table() == kat.load(tmp_path).table()


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    comparison = study(tmp_path, seeds=1, epochs=1)
    assert comparison.plot().read_bytes().startswith(b"\x89PNG")
    assert comparison.plot(tmp_path / "plot.svg").read_text().startswith("<?xml")
    with pytest.raises(kat.StudyError, match="a file that can be written"):
        comparison.plot(tmp_path / "plot.none")


def test_a_study_without_scores_has_a_table_and_no_plot(tmp_path: Path) -> None:
    comparison = study(tmp_path, networks.raising, activations="tanh", reference="tanh")
    assert [row.mean for row in comparison.table()] == [None]
    with pytest.raises(kat.StudyError, match="at least one completed trial"):
        comparison.plot()


SCRIPT = """
import networks, numpy as np, keras_acts_tuning as kat
X = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
TOY = kat.from_arrays(X, (X[:, 0] * X[:, 1] > 0).astype(int), name="toy")
HOW = {"directory": "study", "measure": False}
if __name__ == "__main__":
    kat.compare(networks.tiny, TOY, activations="relu,tanh,prelu,elu", seeds=3, epochs=8, **HOW)
"""


def script_command(directory: Path) -> dict[str, Any]:
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"args": [sys.executable, "script.py"], "cwd": directory, "env": {**os.environ, "PYTHONPATH": path}}


def test_a_killed_driver_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    driver = subprocess.Popen(**script_command(tmp_path))
    deadline = time.monotonic() + 240
    while _stored(tmp_path / "study") < 4:
        assert driver.poll() is None, "the study ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = kat.load(tmp_path / "study").outcomes
    assert 4 <= len(before) < 12
    subprocess.run(**script_command(tmp_path), check=True, timeout=240)
    after = kat.load(tmp_path / "study")
    assert after.complete
    assert after.outcomes[: len(before)] == before
    undisturbed = study(tmp_path / "b", activations="relu,tanh,prelu,elu", seeds=3, epochs=8)
    assert results(after) == results(undisturbed)


def _stored(directory: Path) -> int:
    try:
        with Store.open(directory) as store:
            return len(store.finished())
    except kat.StudyError:
        return 0


def test_a_script_needs_no_guard_and_may_define_its_network(tmp_path: Path) -> None:
    source = "\n".join(["import keras", inspect.getsource(networks.tiny).replace(": Any", "")])
    script = source + SCRIPT.replace('if __name__ == "__main__":', "if True:").replace("networks.tiny", "tiny")
    (tmp_path / "script.py").write_text(script.replace("seeds=3, epochs=8", "seeds=1, epochs=1"))
    subprocess.run(**script_command(tmp_path), check=True, timeout=240)
    assert {o.status for o in kat.load(tmp_path / "study").outcomes} == {"completed"}


def test_outcomes_hold_every_promised_measure(tmp_path: Path) -> None:
    (outcome,) = study(tmp_path, activations="relu", seeds=1, execution=kat.Execution()).outcomes
    assert isinstance(outcome, Outcome)
    assert set(outcome.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name in ("train_s", "step_ms", "peak_memory_bytes", "parameters"):
        value = outcome.measures[name]
        assert value is not None
        assert math.isfinite(value)
        assert value > 0
    assert dataclasses.asdict(outcome)["details"]["engine"] in ("graph", "fit")
    assert keras.backend.backend() in str(kat.load(tmp_path).environments)
