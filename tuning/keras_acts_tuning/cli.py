"""The command line: `keras-acts compare`, `report`, `track`, `status`, `export`, `list` and `show`.

Keras is imported by the commands that need it, so that `--help` answers at once.
"""

import ast
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from keras_acts_tuning.quiet import import_quietly

app = typer.Typer(
    help="Compare activation functions on your model and data, and look up what there is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, to standard output.")]
StudyDirectory = Annotated[Path, typer.Argument(metavar="DIRECTORY", help="The study's directory.")]


def main() -> None:
    """Run the command line: what a user can put right is one line on standard error, and status 2."""
    app()


@app.command()
def compare(
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="A built-in task (`keras-acts list --tasks`), or a .npz or .csv file."),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            help="Several built-in tasks instead of DATA, for ranks over them: 'small', or names with commas."
        ),
    ] = None,
    activations: Annotated[
        str | None, typer.Option(help="Names with commas, such as 'relu,snake(alpha=2)'. Default: twelve classics.")
    ] = None,
    reference: Annotated[str, typer.Option(help="The activation the others are measured against.")] = "relu",
    seeds: Annotated[
        int | None, typer.Option(help="How many seeds each activation is trained with. Default: 5, in a suite 3.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Training epochs a trial. Default: what the task says, else 20.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = 32,
    target: Annotated[str | None, typer.Option(help="The column of a .csv to predict.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="'classification' or 'regression', of a file. Default: words and at most 100 different whole numbers "
            "are classes."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Your own network: module:function or file.py:function, which returns a compiled model, or a compiled "
            "model.keras, whose activations are replaced."
        ),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="The metric that counts. Default: accuracy, for a regression rmse.")
    ] = None,
    direction: Annotated[
        str | None, typer.Option(help="'max' or 'min', where the metric's name does not tell.")
    ] = None,
    split_seed: Annotated[int, typer.Option(help="Seed of the split in training, validation and test part.")] = 0,
    directory: Annotated[
        Path | None, typer.Option(help="Where the study is stored. Default: results/ and the data's or suite's name.")
    ] = None,
    tune: Annotated[
        list[str] | None,
        typer.Option(
            help="What to tune for each activation first: NAME=LOW:HIGH or NAME=A,B,C, such as "
            "learning_rate=1e-4:1e-2. Can be repeated."
        ),
    ] = None,
    tune_trials: Annotated[
        int | None, typer.Option(help="Trainings that each activation's search may take. Default: 10.")
    ] = None,
    race: Annotated[
        bool, typer.Option("--race", help="Stop activations early that are beyond doubt not the best.")
    ] = False,
    tuner: Annotated[str | None, typer.Option(help="'random', 'bayesian' or 'hyperband'. Default: random.")] = None,
    extend: Annotated[bool, typer.Option("--extend", help="Add activations or seeds to the stored study.")] = False,
    workers: Annotated[
        int | None, typer.Option(help="How many activations to train side by side. Default: 1; on Ray, what it has.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="A Ray cluster to train on: host:port, 'auto', or 'local' for one of its own on this machine."
        ),
    ] = None,
    trial_timeout: Annotated[
        float | None, typer.Option(help="Seconds after which a trial, or a training of a search, is ended.")
    ] = None,
    memory_limit: Annotated[
        str | None, typer.Option(help="Memory that a trial may take, such as 2GB or 512MiB, before it is ended.")
    ] = None,
    measure: Annotated[
        bool | None,
        typer.Option(
            "--measure/--no-measure",
            help="Time each activation apart, after all trials and alone. Default: yes, in a suite no.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the same network with each activation, several seeds each, and say which did best.

    Stopped at any moment, the same command goes on where it was.
    """
    with _errors_in_one_line():
        from keras_acts_tuning.errors import StudyError, received
        from keras_acts_tuning.execute import Execution
        from keras_acts_tuning.present import Display, print_files, print_result
        from keras_acts_tuning.study import compare as run
        from keras_acts_tuning.suite import Suite, compare_suite

        if (data is None) == (suite is None):
            raise StudyError(received("`compare` needs either DATA or `--suite`", data=data, suite=suite))
        with Display(quiet=as_json) as display:
            settings = dict[str, Any](
                build=None if model is None else _network(model) if model.endswith(".keras") else _function(model),
                activations=activations,
                reference=reference,
                epochs=epochs,
                batch_size=batch_size,
                metric=metric,
                direction=direction,
                target=target,
                kind=kind,
                split_seed=split_seed,
                directory=directory,
                extend=extend,
                tune=dict(map(_tuned, tune)) if tune else None,
                tune_trials=tune_trials,
                race=race,
                tuner=tuner,
                execution=Execution(
                    workers=workers,
                    address=address,
                    trial_timeout_s=trial_timeout,
                    memory_limit_bytes=None if memory_limit is None else _bytes(memory_limit),
                ),
                listener=display,
            )
            # Their defaults are another in a suite.
            settings |= {k: v for k, v in {"seeds": seeds, "measure": measure}.items() if v is not None}
            found = run(data=data, **settings) if data is not None else compare_suite(suite or "", **settings)
        print_result(found, as_json=as_json)
        if not as_json:
            print_files([found.report()])
    studies = found.comparisons if isinstance(found, Suite) else (found,)
    if not all(any(outcome.status == "completed" for outcome in study.outcomes) for study in studies):
        raise typer.Exit(1)


@app.command()
def report(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIRECTORY...", help="The directory of a study, or those of several.")
    ],
    html: Annotated[
        Path | None,
        typer.Option(
            help="Where the report goes. Default: report.html in the study's directory, of several in this one."
        ),
    ] = None,
    plots: Annotated[Path | None, typer.Option(help="A folder to write every plot to, a file each.")] = None,
    format_: Annotated[str, typer.Option("--format", help="'png' or 'svg', of the files in --plots.")] = "png",
    as_json: Json = False,
) -> None:
    """Print a stored study's table, and write its report; of several, one report with their ranks over all."""
    with _errors_in_one_line():
        from keras_acts_tuning.comparison import load
        from keras_acts_tuning.errors import StudyError, received
        from keras_acts_tuning.present import print_files, print_result
        from keras_acts_tuning.report import save_plots
        from keras_acts_tuning.suite import Suite

        if format_ not in ("png", "svg"):
            raise StudyError(received("`--format` needs to be 'png' or 'svg'", format=format_))
        comparisons = [load(directory) for directory in directories]
        several = len(comparisons) > 1
        found = Suite(comparisons, Path()) if several else comparisons[0]
        print_result(found, as_json=as_json)
        if not as_json or html is not None:
            print_files([found.report(html)], quiet=as_json)
        if plots is not None:
            for place, comparison in enumerate(comparisons, 1):
                folder = plots / f"study-{place}" if several else plots
                print_files(save_plots(comparison, folder, format_), quiet=as_json)


@app.command()
def track(
    directory: StudyDirectory,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="LOGDIR", help="Write TensorBoard event files here, with HParams.")
    ] = None,
    mlflow: Annotated[
        str | None, typer.Option(metavar="URI", help="Write to this MLflow server or store, such as sqlite:///runs.db.")
    ] = None,
) -> None:
    """Show a stored study in TensorBoard or MLflow: a run a trial; what they hold already is left as it is."""
    with _errors_in_one_line():
        from keras_acts_tuning.comparison import load
        from keras_acts_tuning.errors import StudyError, received
        from keras_acts_tuning.trackers import to_mlflow, to_tensorboard

        if tensorboard is None and mlflow is None:
            raise StudyError(received("`track` needs `--tensorboard`, `--mlflow` or both", directory=str(directory)))
        comparison = load(directory)
        if tensorboard is not None:
            typer.echo(f"{to_tensorboard(comparison, tensorboard)} trials written: tensorboard --logdir {tensorboard}")
        if mlflow is not None:
            typer.echo(f"{to_mlflow(comparison, mlflow)} trials written to {mlflow}")


@app.command()
def status(directory: StudyDirectory, as_json: Json = False) -> None:
    """Say how far a study is, also while it runs."""
    with _errors_in_one_line():
        from keras_acts_tuning.present import print_status
        from keras_acts_tuning.store import Store

        with Store.open(directory) as store:
            print_status(store.plan, store.outcomes(long=False), as_json=as_json)


@app.command()
def export(
    directory: StudyDirectory,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .json or .parquet file to write.")],
    histories: Annotated[bool, typer.Option("--histories", help="A row an epoch instead of a row a trial.")] = False,
) -> None:
    """Write a stored study as one flat table: a row a trial, or an epoch."""
    with _errors_in_one_line():
        from keras_acts_tuning.comparison import load
        from keras_acts_tuning.export import write

        write(load(directory), file, histories=histories)


@app.command("list")
def list_(
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    learned: Annotated[
        bool | None, typer.Option("--learned/--fixed", help="Only those that learn a parameter, or none.")
    ] = None,
    tasks: Annotated[bool, typer.Option("--tasks", help="The built-in tasks instead, and what each needs.")] = False,
    as_json: Json = False,
) -> None:
    """List the activations of the catalogue, or the built-in tasks."""
    with _errors_in_one_line(also=ValueError):
        import keras_acts as ka
        from keras_acts_tuning.present import print_catalogue, print_tasks

        if tasks:
            print_tasks(as_json=as_json)
        else:
            print_catalogue(ka.names(family=family, learned=learned), as_json=as_json)


@app.command()
def show(name: Annotated[str, typer.Argument(help="An activation's name.")], as_json: Json = False) -> None:
    """Show an activation: formula, parameters, facts, source."""
    with _errors_in_one_line(also=ValueError):
        from keras_acts._lookup import layer_class
        from keras_acts_tuning.present import print_activation

        print_activation(layer_class(name), as_json=as_json)


def _bytes(text: str) -> int:
    """The bytes that a text such as `2GB` or `512MiB` means."""
    from keras_acts_tuning.errors import StudyError, received

    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B", text.strip(), re.IGNORECASE)
    if match is None:
        raise StudyError(received("`--memory-limit` needs a number with a unit, such as 2GB or 512MiB", given=text))
    number, prefix, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmgt".index(prefix.lower() or " "))


def _network(path: str) -> Callable[..., Any]:
    """The model in a `.keras` file, as what a study builds."""
    from keras_acts_tuning.network import Network, load_model

    return Network(load_model(path), path)


def _function(path: str) -> Callable[..., Any]:
    """The function that `module:function` or `file.py:function` names."""
    from keras_acts_tuning.errors import StudyError, nearest, received

    module_name, _, name = path.rpartition(":")
    if not module_name or not name.isidentifier():
        raise StudyError(
            received("`--model` needs the form module:function, file.py:function or model.keras", model=path)
        )
    file = Path(module_name)
    if file.suffix == ".py":
        if not file.is_file():
            raise StudyError(received("`--model` needs a file that exists", model=path))
        sys.path.insert(0, str(file.resolve().parent))
        module_name = file.stem
    else:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise StudyError(received(f"`--model` needs a module that can be imported ({error})", model=path)) from error
    function = getattr(module, name, None)
    if not callable(function):
        functions = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        raise StudyError(received(f"`--model` needs a function of that module; {nearest(name, functions)}", model=path))
    return function  # type: ignore[no-any-return]


def _tuned(text: str) -> tuple[str, tuple[Any, ...] | list[Any]]:
    """The name and the values that an option `--tune` means."""
    from keras_acts_tuning.errors import StudyError, received

    name, _, values = text.partition("=")
    ends, choices = values.split(":"), values.split(",")
    if not name.isidentifier() or not all(ends) or not all(choices) or len(ends) > 2:
        raise StudyError(received("`--tune` needs the form NAME=LOW:HIGH or NAME=A,B,C", tune=text))
    return (name, tuple(map(_value, ends))) if len(ends) == 2 else (name, list(map(_value, choices)))


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, ValueError):
        return text.strip()


@contextmanager
def _errors_in_one_line(also: type[Exception] | tuple[type[Exception], ...] = ()) -> Iterator[None]:
    try:
        _import_keras()
        yield
    except KeyboardInterrupt:
        typer.echo("keras-acts: stopped; the same command goes on where it was", err=True)
        raise typer.Exit(130) from None
    except typer.Exit:
        raise
    except Exception as error:
        from keras_acts_tuning.errors import StudyError

        if isinstance(error, (StudyError, also)):
            raise _error(str(error)) from None
        raise


def _import_keras() -> None:
    """Import Keras, and say in one line where its backend is missing."""
    try:
        import_quietly("keras")
    except ModuleNotFoundError as error:
        backends = ("tensorflow", "jax", "torch")
        missing = (error.name or "").partition(".")[0]
        if missing not in backends:
            raise
        need = f'Keras needs a backend that is installed: pip install "keras-acts[{missing}]"'
        if there := [name for name in backends if name != missing and find_spec(name)]:
            need += f", or export KERAS_BACKEND={there[0]}"
        raise _error(f"{need}. Received: backend={missing!r}") from None


def _error(message: str) -> typer.Exit:
    """Bad input in one line on standard error, and status 2."""
    typer.echo("keras-acts: error: " + " ".join(message.split()), err=True)
    return typer.Exit(2)


if __name__ == "__main__":
    main()
