"""The built-in tasks: real data that come inside a package, each with a small network that fits."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data
from keras_acts_tuning.errors import StudyError, nearest, received
from keras_acts_tuning.tasks import _images, _sequences, _tabular, _text
from keras_acts_tuning.tasks._images import cnn as cnn
from keras_acts_tuning.tasks._sequences import gru as gru
from keras_acts_tuning.tasks._tabular import mlp as mlp
from keras_acts_tuning.tasks._task import Task as Task
from keras_acts_tuning.tasks._text import transformer as transformer

TASKS: dict[str, Task] = {task.name: task for module in (_tabular, _images, _sequences, _text) for task in module.TASKS}

SUITES: dict[str, tuple[str, ...]] = {
    # Seven data sets; the digits once, since ranks over data sets take each of them for independent evidence.
    "small": tuple(name for name in TASKS if name != "digits_images"),
}


def find_task(name: str) -> Task | None:
    """The task of that name; `-` is as good as `_`."""
    return TASKS.get(name.replace("-", "_"))


def tasks_from(suite: str | Iterable[str]) -> tuple[Task, ...]:
    """The tasks of a suite: its name, names of tasks, or one text of these with commas.

    Raises:
        StudyError: There is no such suite or task, the list is empty or names one twice, or the data of one are
            not installed.
    """
    if isinstance(suite, str):
        suite = SUITES.get(suite) or [part.strip() for part in suite.split(",") if part.strip()]
    tasks = []
    for name in suite:
        task = find_task(name)
        if task is None:
            need = f"A suite needs to be `small`, or names of built-in tasks; {nearest(name, [*SUITES, *TASKS])}"
            raise StudyError(received(need, suite=name))
        tasks.append(task)
    if not tasks or len(set(tasks)) < len(tasks):
        raise StudyError(received("A suite needs different tasks, one at least", suite=list(suite)))
    for task in tasks:
        task.check()
    return tuple(tasks)


def default_build(data: Data) -> Callable[[Arm, Data], Any]:
    """The built-in network that suits data of this shape."""
    return cnn if data.x.ndim == 4 else mlp


def call_build(build: Callable[..., Any], *, activation: Arm, data: Data, **further: Any) -> Any:
    """Call a user's `build` with those of `activation`, `data` and further arguments that its signature names."""
    offered = {"activation": activation, "data": data, **further}
    parameters = inspect.signature(build).parameters
    return build(**{name: offered[name] for name in parameters if name in offered})
