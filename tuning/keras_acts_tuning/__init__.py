"""How activations are searched and compared: `ActivationSpace` for KerasTuner, `compare` for an answer."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_acts_tuning.arms import Arm as Arm
    from keras_acts_tuning.comparison import Comparison as Comparison, load as load
    from keras_acts_tuning.data import Data as Data, from_arrays as from_arrays, load_file as load_file
    from keras_acts_tuning.errors import StudyError as StudyError
    from keras_acts_tuning.execute import Execution as Execution
    from keras_acts_tuning.space import ActivationSpace as ActivationSpace
    from keras_acts_tuning.study import compare as compare
    from keras_acts_tuning.suite import Suite as Suite, compare_suite as compare_suite
    from keras_acts_tuning.tuners import (
        BayesianOptimization as BayesianOptimization,
        GridSearch as GridSearch,
        Hyperband as Hyperband,
        RandomSearch as RandomSearch,
    )

# Imported on first use: Keras takes seconds to import, and `keras-acts --help` needs none of it.
_HOMES = {
    "ActivationSpace": "space",
    "Arm": "arms",
    "BayesianOptimization": "tuners",
    "Comparison": "comparison",
    "Data": "data",
    "Execution": "execute",
    "GridSearch": "tuners",
    "Hyperband": "tuners",
    "RandomSearch": "tuners",
    "StudyError": "errors",
    "Suite": "suite",
    "compare": "study",
    "compare_suite": "suite",
    "from_arrays": "data",
    "load": "comparison",
    "load_file": "data",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
