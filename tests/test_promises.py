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
from together import WAYS

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


def test_models_reload_in_a_process_that_only_imports_keras_acts(tmp_path: Path) -> None:
    for subject in SUBJECTS:
        model, x = subject.model(), subject.numbers()
        disturb(model)
        model.save(tmp_path / f"{subject}.keras")
        np.savez(tmp_path / f"{subject}.npz", x=x, y=values(model, x))
    assert json.loads(python("-c", RELOAD, str(tmp_path))) == {}


# Compiled, and mirrored


@pytest.mark.parametrize("way", WAYS[keras.backend.backend()])
def test_training_is_what_it_is_eagerly(way: str) -> None:
    # XLA is told to optimize little, to be quick.
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    assert json.loads(python("together.py", way, XLA_FLAGS=flags)) == {}
