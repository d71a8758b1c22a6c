"""What `model.export` writes computes the same in its own runtime: every layer, in every format."""

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from judge import EPSILON
from layers import DEFAULT, LEARNING, Subject, disturb, subject
from together import by_halves

from keras_acts._backend import MISSING

Outcome = dict[str, str]
"""What went wrong, by subject; empty where nothing did."""

BACKEND = keras.backend.backend()
SUBJECTS = [*DEFAULT, *LEARNING]
if BACKEND != "tensorflow":  # where Keras exports less, and slowly
    SUBJECTS = [subject(name) for name in ("relu", "prelu", "elu", "gelu", "softplus", "snake", "swiglu", "sparsemax")]

Arrays = list[np.ndarray]


def saved_model(model: keras.Model, path: Path, x: Arrays) -> Arrays:
    """The model's outputs as TensorFlow Serving would give them."""
    import tensorflow as tf

    model.export(path, format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(path)
    return [y.numpy() for y in loaded.serve(x)]


def litert(model: keras.Model, path: Path, x: Arrays) -> Arrays:
    """The model's outputs from LiteRT, which is given none of TensorFlow's own functions (Flex)."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    file = path.with_suffix(".tflite")
    builtins = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    model.export(file, format="litert", verbose=False, target_spec=builtins)
    run = Interpreter(str(file)).get_signature_runner("serving_default")
    named = run(**dict(zip(sorted(run.get_input_details(), key=_number), x, strict=True)))
    return [named[name] for name in sorted(named, key=_number)]


def onnx(model: keras.Model, path: Path, x: Arrays) -> Arrays:
    """The model's outputs from ONNX Runtime."""
    import onnxruntime

    file = path.with_suffix(".onnx")
    model.export(file, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(file)
    names = [node.name for node in session.get_inputs()]
    outputs: Arrays = session.run(None, dict(zip(names, x, strict=True)))
    return outputs


RUNS: dict[str, Callable[[keras.Model, Path, Arrays], Arrays]] = {
    "tf_saved_model": saved_model,
    "litert": litert,
    "onnx": onnx,
}
FORMATS = {"tensorflow": tuple(RUNS), "jax": ("tf_saved_model",), "torch": ("onnx",)}[BACKEND]

TOLERANCE = {
    "tf_saved_model": 4 * EPSILON["float32"],
    "litert": 64 * EPSILON["float32"],
    "onnx": 64 * EPSILON["float32"],
}
"""How far off a runtime may be, of a value or of 1: LiteRT and ONNX Runtime compute sigmoid, exp and more their way."""


def _number(name: str) -> tuple[int, str]:
    return len(name), name


def large(shape: tuple[int, ...]) -> np.ndarray:
    """Inputs of all sizes, a hundred among them."""
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    x[1] *= 1e-3
    x[2] *= 10.0
    x[3] = np.resize(np.float32([-100, 100, -20, 20, 0, -1, 1, 100]), shape[1:])
    return x


def side_by_side(subjects: list[Subject]) -> tuple[keras.Model, Arrays]:
    """One model of all the layers, each behind a projection and before another, and inputs for it."""
    shapes = {one.ranks[0]: one.shape for one in subjects}
    inputs = {rank: keras.Input(shape[1:]) for rank, shape in shapes.items()}
    # The first is exact, so that every layer sees the same numbers in every runtime.
    projected = {rank: keras.layers.Dense(8, kernel_initializer="identity")(x) for rank, x in inputs.items()}
    outputs = []
    for one in subjects:
        layer = one.make()
        y = layer(projected[one.ranks[0]])
        disturb(layer)
        outputs.append(keras.layers.Dense(y.shape[-1], kernel_initializer="identity")(y))
    return keras.Model(list(inputs.values()), outputs), [large(shape) for shape in shapes.values()]


def exported(model: keras.Model, name: str, path: Path, x: Arrays) -> Arrays:
    """Export the model: its outputs in the format's runtime."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the converters
        return RUNS[name](model, path, x)


def differences(subjects: list[Subject], name: str, path: Path) -> Outcome:
    """What the format's runtime computes otherwise than Keras, by subject."""
    outcome = {}
    model, x = side_by_side(subjects)
    want = model.predict(x, verbose=0)
    found = exported(model, name, path, x)
    for one, got, expected in zip(subjects, found, want if len(subjects) > 1 else [want], strict=True):
        try:
            np.testing.assert_allclose(got, expected, TOLERANCE[name], TOLERANCE[name])
        except AssertionError as error:
            outcome[str(one)] = str(error)
    return outcome


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Outcome]:
    """What went wrong in a format, by layer."""
    known: dict[str, Outcome] = {}

    def of(name: str) -> Outcome:
        if name not in known:
            path = tmp_path_factory.mktemp(name) / "model"
            known[name] = by_halves(SUBJECTS, lambda subjects: differences(subjects, name, path))
        return known[name]

    return of


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@pytest.mark.parametrize("name", FORMATS)
def test_exported_layer_computes_the_same(name: str, subject: Subject, outcomes: Callable[[str], Outcome]) -> None:
    assert str(subject) not in outcomes(name), outcomes(name)[str(subject)]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="what TensorFlow's converters lack")
@pytest.mark.parametrize(
    ("name", "function"),
    [(name, f) for name in ("litert", "onnx") for f in sorted(MISSING[f"keras.src.export.{name}"])],
)
def test_a_format_lacks_what_it_is_said_to_lack(name: str, function: str, tmp_path: Path) -> None:
    import tensorflow as tf

    native = tf.math.atan if function == "arctan" else getattr(tf.math, function)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Lambda(native)])
    x = [large((4, 8))]
    model.predict(x[0], verbose=0)
    with pytest.raises(Exception, match=r"(?i)" + function.replace("arctan", "atan")):
        exported(model, name, tmp_path / "model", x)
