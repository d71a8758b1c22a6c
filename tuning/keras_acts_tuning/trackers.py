"""A study in the tools that people follow experiments with: TensorBoard's HParams, and MLflow.

Both read the stored study and write what they lack of it; a study goes on, and is exported again.
"""

import json
import math
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.errors import StudyError, received
from keras_acts_tuning.store import Outcome


def to_tensorboard(comparison: Comparison, directory: str | Path) -> int:
    """Write a study as TensorBoard event files, a run a trial: `tensorboard --logdir DIRECTORY` shows it.

    Each trial's curves are scalars by epoch; its activation, seed and tuned hyper-parameters appear
    under HParams with its score and measures. Nothing of TensorFlow is needed.

    Args:
        comparison: The study.
        directory: The log directory. A trial that it holds already is left as it is.

    Returns:
        How many trials were written.

    Raises:
        StudyError: The directory cannot be written.
    """
    from tensorboard.plugins.hparams import api

    directory = Path(directory)
    columns = [api.HParam("activation"), api.HParam("seed"), *map(api.HParam, _tuned_names(comparison))]
    written = 0
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not list(directory.glob("*tfevents*")):
            metrics = [api.Metric(name) for name in _final_names(comparison)]
            _write_events(directory, [(0, time.time(), api.hparams_config_pb(columns, metrics))])
        for outcome in comparison.outcomes:
            run = directory / quote(outcome.arm, safe=" ()=,'") / f"seed {outcome.seed}"
            if not run.exists():
                unfinished = run.with_name(f".{run.name}")  # a kill leaves this, and the next export writes it anew
                shutil.rmtree(unfinished, ignore_errors=True)
                _write_events(unfinished, _events(comparison, outcome))
                unfinished.rename(run)
                written += 1
    except OSError as error:
        need = f"The log directory needs to be writable ({error.strerror})"
        raise StudyError(received(need, directory=str(directory))) from None
    return written


def to_mlflow(comparison: Comparison, uri: str, experiment: str | None = None) -> int:
    """Write a study to MLflow, a run a trial.

    Args:
        comparison: The study.
        uri: The tracking server, or a store that the MLflow installed can open, such as `sqlite:///runs.db`.
        experiment: The experiment's name; made where it is missing. Defaults to the data's name. A
            trial that it holds already is left as it is.

    Returns:
        How many trials were written.

    Raises:
        StudyError: MLflow is not installed, or it refuses the address.
    """
    try:
        import mlflow
        from mlflow.entities import Metric, Param
    except ImportError:
        need = "An export to MLflow needs the package: pip install 'keras-acts[mlflow]'"
        raise StudyError(received(need, uri=uri)) from None

    name = experiment or f"keras-acts {comparison.plan.data['name']}"
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(name)
        where = found.experiment_id if found else client.create_experiment(name)
        present = _present_in_mlflow(client, where)
        written = 0
        for outcome in comparison.outcomes:
            if (trial := _trial_name(comparison, outcome)) in present:
                continue
            started, finished = (int(1000 * _seconds(moment)) for moment in (outcome.started, outcome.finished))
            tags = {"keras_acts.trial": trial, "keras_acts.status": outcome.status, "keras_acts.reason": outcome.reason}
            run = client.create_run(
                where, start_time=started, run_name=f"{outcome.arm}, seed {outcome.seed}", tags=tags
            ).info.run_id
            facts = {**_hyper_parameters(comparison, outcome), **_settings(comparison)}
            client.log_batch(run, params=[Param(key, str(value)) for key, value in facts.items()])
            curves = [
                Metric(key, value, started, epoch)
                for key, values in outcome.history.items()
                for epoch, value in enumerate(values, 1)
            ]
            final = [Metric(key, value, finished, outcome.best_epoch or 0) for key, value in _final(outcome).items()]
            metrics = curves + final
            for first in range(0, len(metrics), _MOST_METRICS):
                client.log_batch(run, metrics=metrics[first : first + _MOST_METRICS])
            client.set_tag(run, "keras_acts.complete", "true")
            client.set_terminated(run, "FINISHED" if outcome.status == "completed" else "FAILED", finished)
            written += 1
    except mlflow.exceptions.MlflowException as error:
        raise StudyError(received(f"MLflow refused the study ({error})", uri=uri, experiment=name)) from None
    return written


_MOST_METRICS = 1_000  # MLflow's own limit a call


def _present_in_mlflow(client: Any, experiment: str) -> set[str]:
    """The trials that an experiment holds; one that was only begun is deleted, to be written anew."""
    present, token = set[str](), None
    while token != "":
        page = client.search_runs([experiment], max_results=1_000, page_token=token)
        for run in page:
            if run.data.tags.get("keras_acts.complete"):
                present.add(run.data.tags["keras_acts.trial"])
            elif "keras_acts.trial" in run.data.tags:
                client.delete_run(run.info.run_id)
        token = page.token or ""
    return present


def _events(comparison: Comparison, outcome: Outcome) -> Iterator[tuple[int, float, Any]]:
    """The steps, times and summaries of one trial."""
    from tensorboard.plugins.hparams import api, api_pb2, metadata, plugin_data_pb2

    started, finished = _seconds(outcome.started), _seconds(outcome.finished)
    facts = _hyper_parameters(comparison, outcome)
    yield 0, started, api.hparams_pb(facts, trial_id=_trial_name(comparison, outcome), start_time_secs=started)
    for name, values in outcome.history.items():
        for epoch, value in enumerate(values, 1):
            yield epoch, started, _scalar(name, value)
    for name, value in _final(outcome).items():
        yield outcome.best_epoch or 0, finished, _scalar(name, value)
    status = api_pb2.STATUS_SUCCESS if outcome.status == "completed" else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=finished)
    summary = _summary()
    summary.value.add(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end)),
        tensor=metadata.NULL_TENSOR,
    )
    yield 0, finished, summary


def _write_events(directory: Path, events: Any) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(directory))
    try:
        for step, moment, summary in events:
            writer.add_event(Event(step=step, wall_time=moment, summary=summary))
    finally:
        writer.close()


def _summary() -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary()


def _scalar(name: str, value: float) -> Any:
    summary = _summary()
    summary.value.add(tag=name, simple_value=value)
    return summary


def _hyper_parameters(comparison: Comparison, outcome: Outcome) -> dict[str, Any]:
    plain = {
        name: value if isinstance(value, (bool, int, float, str)) else json.dumps(value)
        for name, value in comparison.tuned.get(outcome.arm, {}).items()
    }
    return {"activation": outcome.arm, "seed": outcome.seed, **plain}


def _settings(comparison: Comparison) -> dict[str, Any]:
    plan = comparison.plan
    names = ("epochs", "batch_size", "metric", "split_seed", "backend")
    return {"data": plan.data["name"], "network": plan.build["function"], **{n: getattr(plan, n) for n in names}}


def _final(outcome: Outcome) -> dict[str, float]:
    """The score and the measures that were taken."""
    numbers = {"score": outcome.score, **outcome.measures}
    return {name: value for name, value in numbers.items() if value is not None and math.isfinite(value)}


def _final_names(comparison: Comparison) -> list[str]:
    return sorted({name for outcome in comparison.outcomes for name in _final(outcome)})


def _tuned_names(comparison: Comparison) -> list[str]:
    return sorted({name for chosen in comparison.tuned.values() for name in chosen})


def _trial_name(comparison: Comparison, outcome: Outcome) -> str:
    """A name that is a trial's own among all studies: it ends with the moment the trial began."""
    return f"{comparison.plan.data['name']}: {outcome.arm}, seed {outcome.seed}, {outcome.started}"


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
