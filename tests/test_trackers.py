"""A study in TensorBoard and in MLflow: read back with their own readers."""

import builtins
import math
from pathlib import Path
from typing import Any

import mlflow
import networks
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from typer.testing import CliRunner

import keras_acts_tuning as kat
from keras_acts_tuning.cell import environment
from keras_acts_tuning.cli import app
from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.plan import Plan, build_facts
from keras_acts_tuning.store import Outcome, Store, Tuning
from keras_acts_tuning.trackers import to_mlflow, to_tensorboard
from keras_acts_tuning.tune import Tune

NOON, LATER = "2026-11-22T12:00:00.000+00:00", "2026-11-22T12:01:00.000+00:00"


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of plain files, for which MLflow wants to be asked twice; the others need a server or more packages."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return f"file:{tmp_path / 'runs'}"


@pytest.fixture
def study(tmp_path: Path) -> Comparison:
    arms = tuple(kat.Arm.parse(text) for text in ("relu", "leaky_relu(negative_slope=0.1)"))
    plan = Plan(
        data={"name": "toy", "sha256": "ab"},
        build=build_facts(networks.tiny),
        arms=arms,
        reference="relu",
        seeds=(0, 1),
        epochs=3,
        batch_size=32,
        metric="accuracy",
        direction="max",
        tune=Tune({"learning_rate": (1e-4, 1e-2)}, "random", 2),
    )
    with Store.create_or_resume(tmp_path / "study", plan, created=NOON) as store:
        for arm in arms:
            store.add_tuning(Tuning(arm=arm.label, chosen={"learning_rate": 0.003}, finished=LATER))
            for seed in plan.seeds:
                failed = arm.name == "relu" and seed == 1
                store.add(
                    Outcome(
                        arm=arm.label,
                        seed=seed,
                        status="diverged" if failed else "completed",
                        reason="loss was nan in epoch 3" if failed else "",
                        score=None if failed else 0.75,
                        best_epoch=None if failed else 2,
                        history={"loss": [1.5, 1.0, math.nan if failed else 0.5]},
                        measures={"train_s": 2.5, "energy_j": None},
                        started=NOON,
                        finished=LATER,
                        environment=environment(),
                    )
                )
    return kat.load(tmp_path / "study")


def events(run: Path) -> EventAccumulator:
    return EventAccumulator(str(run)).Reload()


def scalars(run: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events(run).Scalars(tag)]


def facts(run: Path, tag: str) -> bytes:
    return events(run).summary_metadata[tag].plugin_data.content


def test_tensorboard_shows_every_trial(study: Comparison, tmp_path: Path) -> None:
    assert to_tensorboard(study, tmp_path / "logs") == 4
    run = tmp_path / "logs" / "leaky_relu(negative_slope=0.1)" / "seed 1"
    assert scalars(run, "loss") == [(1, 1.5), (2, 1.0), (3, 0.5)]
    assert scalars(run, "score") == [(2, 0.75)]
    assert "energy_j" not in events(run).Tags()["scalars"], "what was not measured is absent, not 0"
    start = metadata.parse_session_start_info_plugin_data(facts(run, metadata.SESSION_START_INFO_TAG))
    assert start.hparams["activation"].string_value == "leaky_relu(negative_slope=0.1)"
    assert start.hparams["seed"].number_value == 1
    assert start.hparams["learning_rate"].number_value == 0.003
    end = metadata.parse_session_end_info_plugin_data(
        facts(tmp_path / "logs" / "relu" / "seed 1", metadata.SESSION_END_INFO_TAG)
    )
    assert end.end_time_secs - start.start_time_secs == pytest.approx(60)
    assert end.status == 2, "STATUS_FAILURE"
    experiment = metadata.parse_experiment_plugin_data(facts(tmp_path / "logs", metadata.EXPERIMENT_TAG))
    assert {info.name for info in experiment.hparam_infos} == {"activation", "seed", "learning_rate"}
    assert {info.name.tag for info in experiment.metric_infos} == {"score", "train_s"}


def test_tensorboard_gets_what_it_lacks(study: Comparison, tmp_path: Path) -> None:
    to_tensorboard(study, tmp_path / "logs")
    run = tmp_path / "logs" / "relu" / "seed 0"
    run.rename(run.with_name(".seed 0"))  # what a kill leaves
    assert to_tensorboard(study, tmp_path / "logs") == 1
    assert [path.name for path in sorted(run.parent.iterdir())] == ["seed 0", "seed 1"]
    assert len(list(run.iterdir())) == 1


def test_mlflow_holds_every_trial_once(study: Comparison, uri: str) -> None:
    assert to_mlflow(study, uri) == 4
    assert to_mlflow(study, uri) == 0
    client = mlflow.MlflowClient(tracking_uri=uri)
    where = client.get_experiment_by_name("keras-acts toy").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([where])}
    assert len(runs) == 4
    run = runs["leaky_relu(negative_slope=0.1), seed 1"]
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 60_000
    assert run.data.params["learning_rate"] == "0.003"
    assert run.data.params["data"] == "toy"
    assert run.data.metrics == {"loss": 0.5, "score": 0.75, "train_s": 2.5}
    assert [m.step for m in client.get_metric_history(run.info.run_id, "loss")] == [1, 2, 3]
    failed = runs["relu, seed 1"]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["keras_acts.reason"] == "loss was nan in epoch 3"


def test_a_run_that_was_only_begun_is_written_anew(study: Comparison, uri: str) -> None:
    to_mlflow(study, uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    where = client.get_experiment_by_name("keras-acts toy").experiment_id
    client.delete_tag(client.search_runs([where])[0].info.run_id, "keras_acts.complete")
    assert to_mlflow(study, uri) == 1
    assert len(client.search_runs([where])) == 4


def test_mlflow_that_is_not_installed_is_named(study: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "mlflow":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(StudyError, match=r"pip install 'keras-acts\[mlflow\]'"):
        to_mlflow(study, "file:nowhere")


def test_the_command(study: Comparison, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["track", str(study.directory), "--tensorboard", str(tmp_path / "logs")])
    assert run.exit_code == 0
    assert "4 trials written" in run.output
    nothing = CliRunner().invoke(app, ["track", str(study.directory)])
    assert nothing.exit_code == 2
    assert "needs `--tensorboard`, `--mlflow` or both" in nothing.output


def test_a_directory_that_cannot_be_written_is_named(study: Comparison, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file, not a directory")
    with pytest.raises(StudyError, match="needs to be writable"):
        to_tensorboard(study, tmp_path / "logs")
