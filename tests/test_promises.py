"""Every layer of the registry keeps every promise of `promises.py`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from layers import DEFAULT, LEARNING, Subject, disturb
from promises import PROMISES, values
from together import WAYS, Outcome

SUBJECTS = [*DEFAULT, *LEARNING]


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@pytest.mark.parametrize("promise", PROMISES)
def test_layer_keeps_its_promise(promise: str, subject: Subject) -> None:
    PROMISES[promise](subject)


def python(*arguments: str, **environment: str) -> str:
    """What a new Python process prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend(), **environment},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip().splitlines()[-1]


# In a process that knows nothing of this one

RELOAD = """
import json, pathlib, sys
import keras_acts
import keras, numpy as np
failures = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    x, want = np.load(path.with_suffix(".npz")).values()
    try:
        np.testing.assert_allclose(keras.ops.convert_to_numpy(keras.saving.load_model(path)(x)), want, 1e-6, 1e-6)
    except Exception as error:
        failures[path.stem] = f"{type(error).__name__}: {error}"
print(json.dumps(failures))
"""


@pytest.fixture(scope="module")
def reloaded(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What went wrong when a new process that only imports `keras_acts` loaded each layer's model."""
    directory = tmp_path_factory.mktemp("models")
    for subject in SUBJECTS:
        model, x = subject.model(), subject.numbers()
        disturb(model)
        model.save(directory / f"{subject}.keras")
        np.savez(directory / f"{subject}.npz", x=x, y=values(model, x))
    outcome: Outcome = json.loads(python("-c", RELOAD, str(directory)))
    return outcome


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_model_reloads_in_a_process_that_only_imports_keras_acts(subject: Subject, reloaded: Outcome) -> None:
    assert str(subject) not in reloaded, reloaded[str(subject)]


# Compiled, and mirrored


@pytest.fixture(scope="module")
def ways() -> dict[str, Outcome]:
    """What went wrong in each way of training, in a process of its own where XLA optimizes little, to be quick."""
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    outcomes: dict[str, Outcome] = json.loads(python("together.py", XLA_FLAGS=flags))
    return outcomes


@pytest.mark.pending
@pytest.mark.parametrize("subject", DEFAULT, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_training_is_what_it_is_eagerly(way: str, subject: Subject, ways: dict[str, Outcome]) -> None:
    assert str(subject) not in ways[way], ways[way][str(subject)]
