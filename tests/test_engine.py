"""The two engines give one history, on every backend; what a graph cannot do goes to `fit`, with the reason."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import keras_acts as ka
from keras_acts_tuning.engine import Trainer, Training, has_drawn, seed_generators

BACKEND = keras.backend.backend()
BATCH = 16
GRAPH = "fit" if BACKEND == "torch" else "graph"  # PyTorch has no graph of an epoch
COUNT = 3 * BATCH  # JAX compiles a smaller last batch on its own: the tests of partial batches say so
RNG = np.random.default_rng(0)
FLAT = RNG.normal(size=(COUNT, 6)).astype("float32")
IMAGES = RNG.normal(size=(COUNT, 6, 6, 1)).astype("float32")
SERIES = RNG.normal(size=(COUNT, 5, 3)).astype("float32")
CLASSES = RNG.integers(0, 3, COUNT)
WEIGHTS = RNG.uniform(0.5, 2.0, COUNT)
Model = keras.Model


def compiled(model: Model, optimizer: Any = "adam", **arguments: Any) -> Model:
    arguments = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **arguments}
    model.compile(optimizer, **arguments)
    return model


def dense(optimizer: Any = "adam", **arguments: Any) -> Model:
    stack = [keras.Input((6,)), layers.Dense(8, activation=ka.Snake()), layers.Dense(3, "softmax", dtype="float32")]
    return compiled(keras.Sequential(stack), optimizer, **arguments)


def dropping() -> Model:
    stack = [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(3, "softmax")]
    return compiled(keras.Sequential(stack))


def convolutional() -> Model:
    stack = [
        keras.Input((6, 6, 1)),
        layers.Conv2D(4, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, "softmax"),
    ]
    return compiled(keras.Sequential(stack))


def recurrent() -> Model:
    return compiled(keras.Sequential([keras.Input((5, 3)), layers.LSTM(4), layers.Dense(3, "softmax")]))


def under(policy: str, build: Callable[[], Model]) -> Callable[[], Model]:
    """`build` under a dtype policy."""

    def built() -> Model:
        keras.config.set_dtype_policy(policy)
        try:
            return build()
        finally:
            keras.config.set_dtype_policy("float32")

    return built


def averaging() -> Model:
    return dense(keras.optimizers.Adam(use_ema=True, ema_momentum=0.9, clipnorm=0.5))


def of_seed(build: Callable[[], Model], seed: int = 0) -> Model:
    keras.utils.set_random_seed(seed)
    return build()


def by_fit(model: Model, *data: Any, seed: int = 0, epochs: int = 10, **arguments: Any) -> dict[str, list[float]]:
    """Keras's own history."""
    seed_generators(seed)  # PyTorch's dropout draws from PyTorch
    return model.fit(*data, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0, **arguments).history


def same(one: dict[str, Any], other: dict[str, Any], tolerance: float = 1e-6) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], rtol=tolerance, err_msg=name)


def weights(model: Model) -> list[np.ndarray]:
    return [np.array(value) for value in model.get_weights()]


@pytest.mark.parametrize(
    ("build", "x", "arguments"),
    [
        pytest.param(dense, FLAT, {}, id="dense"),
        pytest.param(convolutional, IMAGES, {}, id="convolution, normalization, dropout"),
        pytest.param(recurrent, SERIES, {}, id="LSTM"),
        pytest.param(under("mixed_float16", dense), FLAT, {}, id="mixed_float16"),
        pytest.param(
            under("mixed_bfloat16", dense), FLAT, {"class_weight": {0: 3.0, 2: 0.5}}, id="mixed_bfloat16, class weights"
        ),
        pytest.param(averaging, FLAT, {"sample_weight": WEIGHTS}, id="sample weights, averaged weights"),
    ],
)
def test_the_history_is_that_of_fit(build: Callable[[], Model], x: np.ndarray, arguments: dict[str, Any]) -> None:
    trainer = Trainer(of_seed(build), x, CLASSES, batch_size=BATCH, shuffle=False, **arguments)
    training = trainer.train(10, seed=0)
    assert training.engine == GRAPH
    same(training.history, by_fit(of_seed(build), x, CLASSES, **arguments))


def test_no_sample_of_a_last_smaller_batch_is_lost() -> None:
    data, validation = (FLAT[:-3], CLASSES[:-3]), (FLAT[:21], CLASSES[:21], WEIGHTS[:21])
    trainer = Trainer(of_seed(dropping), *data, validation_data=validation, batch_size=BATCH, shuffle=False)
    same(trainer.train(3, seed=0).history, by_fit(of_seed(dropping), *data, epochs=3, validation_data=validation))


def test_both_engines_see_the_same_order() -> None:
    both = []
    for engine in (GRAPH, "fit"):
        trainer = Trainer(of_seed(dropping), FLAT, CLASSES, batch_size=BATCH, validation_data=(FLAT, CLASSES))
        training = trainer.train(3, seed=5, engine=engine)
        assert (training.engine, training.reason) == (engine, "asked for")
        both.append(training.history)
    same(*both)


def test_the_order_is_numpys_permutation_of_seed_and_epoch() -> None:
    trainer = Trainer(of_seed(dense), FLAT, CLASSES, batch_size=BATCH)
    trainer.train(2, seed=7)
    by_hand = of_seed(dense)
    for epoch in range(2):
        for index in np.random.default_rng([7, epoch]).permutation(COUNT).reshape(-1, BATCH):
            by_hand.train_on_batch(FLAT[index], CLASSES[index])
    for one, other in zip(weights(trainer.model), weights(by_hand), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_restart_is_a_new_trainer_without_the_tracing() -> None:
    traced = []

    class Counting(layers.Layer):
        def call(self, x: Any) -> Any:
            traced.append(None)
            return x

    def build() -> Model:
        stack = [
            keras.Input((6,)),
            layers.Dense(8, "tanh"),
            layers.Dropout(0.5),
            Counting(),
            layers.Dense(3, "softmax"),
        ]
        return compiled(keras.Sequential(stack), keras.optimizers.Adam(0.01))

    def trained(trainer: Trainer, seed: int) -> Training:
        faster = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 * (1 + epoch))
        return trainer.train(3, seed=seed, callbacks=[faster])

    arguments = {"batch_size": BATCH, "validation_data": (FLAT, CLASSES)}
    trainer = Trainer(of_seed(build, 1), FLAT, CLASSES, **arguments)
    first = trained(trainer, 1)
    trainer.restart_from(of_seed(build, 2))
    second = trained(trainer, 2)
    assert second.history != first.history
    fresh = of_seed(build, 1)
    before = len(traced)
    trainer.restart_from(fresh)
    assert trained(trainer, 1).history == first.history
    if BACKEND != "torch":
        assert len(traced) == before
    assert trained(Trainer(of_seed(build, 2), FLAT, CLASSES, **arguments), 2).history == second.history


def test_the_history_is_the_same_in_another_process() -> None:
    script = "from test_engine import *; print(Trainer(of_seed(dropping), FLAT, CLASSES).train(2, seed=3).history)"
    here = Trainer(of_seed(dropping), FLAT, CLASSES).train(2, seed=3).history
    there = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent,
        env={**os.environ, "KERAS_BACKEND": BACKEND, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == repr(here)


class Diary(keras.callbacks.Callback):
    """Notes what it is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[Any] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.notes.append(("train begins", self.params, logs))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.notes.append(("epoch begins", epoch, logs))

    def on_test_begin(self, logs: Any = None) -> None:
        self.notes.append(("test begins", logs))

    def on_test_end(self, logs: Any = None) -> None:
        self.notes.append(("test ends", list(logs)))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.notes.append(("epoch ends", epoch, list(logs)))

    def on_train_end(self, logs: Any = None) -> None:
        self.notes.append(("train ends", sorted(logs)))


def test_callbacks_of_epochs_do_what_they_do_under_fit(tmp_path: Path) -> None:
    found = []
    for number, engine in enumerate((GRAPH, "fit")):
        path = tmp_path / f"{number}-{{epoch}}.weights.h5"
        diary = Diary()
        callbacks = [
            keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 if epoch == 4 else 0.01),
            keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=1.0),
            keras.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True),
            keras.callbacks.ModelCheckpoint(path, save_weights_only=True),
            diary,
        ]
        trainer = Trainer(
            of_seed(dense), FLAT, CLASSES, batch_size=BATCH, validation_data=(FLAT, CLASSES), shuffle=False
        )
        training = trainer.train(20, seed=0, callbacks=callbacks, engine=engine)
        assert training.engine == engine
        found.append((training.history, diary.notes, weights(trainer.model), sorted(tmp_path.glob(f"{number}-*"))))
    (history, notes, final, saved), (fit_history, fit_notes, fit_final, fit_saved) = found
    assert 5 < len(history["loss"]) < 20
    assert "learning_rate" in history
    assert [str(note) for note in notes] == [str(note) for note in fit_notes]
    assert len(saved) == len(fit_saved) == len(history["loss"])
    same(history, fit_history)
    for one, other in zip(final, fit_final, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


class Twice(keras.Model):
    """A training step of its own, which reports what Keras has no metric for."""

    def __init__(self) -> None:
        super().__init__()
        self.out = layers.Dense(3, "softmax")

    def call(self, inputs: dict[str, Any]) -> Any:
        return self.out(keras.ops.concatenate([inputs["a"], inputs["b"]], axis=-1))

    def train_step(self, *arguments: Any) -> Any:
        logs = super().train_step(*arguments)
        if BACKEND == "jax":
            logs, state = logs
            return {"twice": {"the loss": 2.0 * logs["loss"]}}, state
        return {"twice": {"the loss": 2.0 * logs["loss"]}}


def test_a_step_of_the_users_own_and_nested_inputs_are_honoured() -> None:
    x = {"a": FLAT[:, :2], "b": FLAT[:, 2:].astype("float64")}
    validation = (x, CLASSES)
    trainer = Trainer(
        of_seed(lambda: compiled(Twice())), x, CLASSES, batch_size=BATCH, shuffle=False, validation_data=validation
    )
    training = trainer.train(2, seed=0)
    assert (training.engine, list(training.history)) == (GRAPH, ["the loss", "val_accuracy", "val_loss"])
    same(training.history, by_fit(of_seed(lambda: compiled(Twice())), x, CLASSES, epochs=2, validation_data=validation))


def test_two_outputs_with_weights_for_one() -> None:
    def build() -> Model:
        inputs = keras.Input((6,))
        outputs = {"p": layers.Dense(3, "softmax", name="p")(inputs), "q": layers.Dense(1, name="q")(inputs)}
        model = keras.Model(inputs, outputs)
        losses = {"p": "sparse_categorical_crossentropy", "q": "mse"}
        return compiled(model, loss=losses, metrics=None, weighted_metrics={"q": ["mae"]})

    y = {"p": CLASSES, "q": FLAT[:, :1]}
    trainer = Trainer(of_seed(build), FLAT, y, sample_weight=WEIGHTS, batch_size=BATCH, shuffle=False)
    same(trainer.train(2, seed=0).history, by_fit(of_seed(build), FLAT, y, epochs=2, sample_weight=WEIGHTS))


def test_evaluate_is_that_of_keras() -> None:
    trainer = Trainer(of_seed(dense), FLAT, CLASSES, batch_size=BATCH)
    for arguments in ((FLAT[:-3], CLASSES[:-3]), (FLAT, CLASSES, WEIGHTS)):
        keys = dict(zip(("x", "y", "sample_weight"), arguments, strict=False))
        expected = trainer.model.evaluate(**keys, batch_size=7, verbose=0, return_dict=True)
        same(trainer.evaluate(*arguments, batch_size=7), expected)


def test_what_it_took_is_told_apart() -> None:
    trainer = Trainer(of_seed(dense), FLAT, CLASSES, batch_size=BATCH, validation_data=(FLAT, CLASSES))
    for engine in (GRAPH, "fit"):
        training = trainer.train(3, seed=0, engine=engine)
        median, first, third = training.step_s
        assert 0 < first <= median <= third
        assert training.train_s >= 3 * first
        assert training.validate_s > 0
        assert training.compile_s >= 0


@pytest.mark.skipif(BACKEND == "torch", reason="one step a call is all that Keras does on PyTorch")
def test_a_step_is_one_step_also_where_fit_makes_several_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(of_seed(lambda: dense(steps_per_execution=2)), FLAT, CLASSES, batch_size=BATCH)

    def steps_so_far() -> float:
        if BACKEND == "jax":
            trainer.model.jax_state_sync()
        return float(trainer.model.optimizer.iterations)

    monkeypatch.setattr("keras_acts_tuning.engine._clock.time.perf_counter", steps_so_far)
    training = trainer.train(2, seed=0, engine="fit")  # three steps an epoch: a call of two, and one of what is left
    assert training.step_s == (1.0, 1.0, 1.0)
    assert training.train_s == 6.0


class Custom(keras.Sequential):
    def fit(self, *arguments: Any, **keywords: Any) -> Any:
        return super().fit(*arguments, **keywords)


class Batches(keras.utils.PyDataset):
    """The data as a user may bring them: in batches, with an order of their own."""

    @property
    def num_batches(self) -> int:
        return COUNT // BATCH

    def __getitem__(self, index: int) -> Any:
        batch = slice(index * BATCH, (index + 1) * BATCH)
        return FLAT[batch], CLASSES[batch]


class EachBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None: ...


def obstacle(model: Model | None = None, x: Any = FLAT, y: Any = CLASSES, callbacks: Any = (), **arguments: Any) -> str:
    """Why this cannot be a graph."""
    trainer = Trainer(model or dense(), x, y, **arguments)
    with pytest.raises(ValueError, match="`train` needs `fit` here, not engine='graph'") as refused:
        trainer.train(1, seed=0, callbacks=callbacks, engine="graph")
    return str(refused.value)


@pytest.mark.parametrize(
    "callback",
    [
        EachBatch(),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
        keras.callbacks.ModelCheckpoint("never.weights.h5", save_freq=5, save_weights_only=True),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_callbacks_of_batches_need_fit(callback: keras.callbacks.Callback) -> None:
    assert f"{type(callback).__name__}.on_" in obstacle(callbacks=[callback])


def test_what_needs_fit_says_why() -> None:
    assert "a `fit` of its own" in obstacle(compiled(Custom([keras.Input((6,)), layers.Dense(3, "softmax")])))
    replaced = dense()
    replaced.train_function = lambda iterator: {}
    assert "a `train_function` of its own" in obstacle(replaced)
    assert "run_eagerly=True" in obstacle(dense(run_eagerly=True))
    assert "Batches, not arrays" in obstacle(x=Batches(), y=None)
    assert "validation data" in obstacle(validation_data=Batches())
    if BACKEND == "tensorflow":
        assert "ndarray, not arrays of numbers" in obstacle(x=np.array(["a", "b"], object), y=np.zeros(2))
    if BACKEND == "jax":
        assert "jit_compile=False" in obstacle(dense(jit_compile=False))
    if BACKEND == "torch":
        assert "no graph of an epoch" in obstacle()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute")
def test_a_distributed_model_needs_fit() -> None:
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = dense()
    assert "distributed" in obstacle(model)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="elsewhere XLA is always on, or never")
def test_xla_is_used_where_the_model_asks_for_it() -> None:
    def build() -> Model:
        return dense(jit_compile=True)

    trainer = Trainer(of_seed(build), FLAT[:-3], CLASSES[:-3], batch_size=BATCH, shuffle=False)
    same(trainer.train(3, seed=0).history, by_fit(of_seed(build), FLAT[:-3], CLASSES[:-3], epochs=3))


def test_data_in_batches_are_trained_by_fit() -> None:
    trainer = Trainer(of_seed(dropping), Batches(), validation_data=Batches())
    training = trainer.train(2, seed=0)
    assert training.engine == "fit"
    same(training.history, by_fit(of_seed(dropping), FLAT, CLASSES, epochs=2, validation_data=(FLAT, CLASSES)))
    trainer.restart_from(of_seed(dropping))
    assert trainer.train(2, seed=0).history == training.history
    assert trainer.evaluate(Batches()) == {
        name[4:]: values[-1] for name, values in training.history.items() if "val_" in name
    }


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (
            ValueError,
            "`Trainer` needs a compiled model. Received: model='m'",
            lambda: Trainer(keras.Sequential([layers.Dense(1)], name="m"), FLAT, CLASSES),
        ),
        (
            ValueError,
            "`Trainer` needs arrays of one length. Received: x=[48], y=[47]",
            lambda: Trainer(dense(), FLAT, CLASSES[1:]),
        ),
        (
            ValueError,
            "`validation_data` needs arrays of one length. Received: x=[2], y=[3]",
            lambda: Trainer(dense(), FLAT, CLASSES, validation_data=(FLAT[:2], CLASSES[:3])),
        ),
        (
            ValueError,
            "`Trainer` needs at least one sample. Received: x=[0], y=[0]",
            lambda: Trainer(dense(), FLAT[:0], CLASSES[:0]),
        ),
        (
            ValueError,
            "`Trainer` needs `batch_size` of at least 1. Received: batch_size=0",
            lambda: Trainer(dense(), FLAT, CLASSES, batch_size=0),
        ),
        (
            TypeError,
            "`Trainer` needs `batch_size` to be an integer. Received: batch_size=2.0",
            lambda: Trainer(dense(), FLAT, CLASSES, batch_size=2.0),
        ),
        (
            ValueError,
            "`Trainer` needs `sample_weight` or `class_weight`, not both",
            lambda: Trainer(dense(), FLAT, CLASSES, sample_weight=WEIGHTS, class_weight={0: 1.0}),
        ),
        (
            ValueError,
            "`train` needs `epochs` of at least 1. Received: epochs=0",
            lambda: Trainer(dense(), FLAT, CLASSES).train(0, seed=0),
        ),
        (
            ValueError,
            "`train` needs `seed` of at least 0. Received: seed=-1",
            lambda: Trainer(dense(), FLAT, CLASSES).train(1, seed=-1),
        ),
        (
            ValueError,
            "`train` needs `engine` to be 'auto', 'graph' or 'fit'. Received: engine='xla'",
            lambda: Trainer(dense(), FLAT, CLASSES).train(1, seed=0, engine="xla"),
        ),
        (
            ValueError,
            "`evaluate` needs arrays of one length. Received: x=[48], y=[1]",
            lambda: Trainer(dense(), FLAT, CLASSES).evaluate(FLAT, CLASSES[:1]),
        ),
    ],
)
def test_wrong_arguments_are_told_early(error: type[Exception], message: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value).startswith(message)


def other(*stack: Any, **arguments: Any) -> Model:
    return compiled(keras.Sequential([keras.Input((6,)), *stack, layers.Dense(3, "softmax")]), **arguments)


@pytest.mark.parametrize(
    ("what", "fresh"),
    [
        ("variables", lambda: other(layers.Dense(9, "tanh"))),
        ("variables", lambda: other()),
        ("layers", lambda: other(layers.Dense(8, "relu"))),
        ("loss", lambda: other(layers.Dense(8, "tanh"), loss="mse")),
        ("loss", lambda: other(layers.Dense(8, "tanh"), loss_weights=[2.0])),
        ("metrics", lambda: other(layers.Dense(8, "tanh"), metrics=["mae"])),
        ("metrics", lambda: other(layers.Dense(8, "tanh"), weighted_metrics=["mae"])),
        ("optimizer", lambda: other(layers.Dense(8, "tanh"), optimizer="sgd")),
        ("optimizer", lambda: other(layers.Dense(8, "tanh"), optimizer=keras.optimizers.Adam(beta_1=0.8))),
    ],
)
def test_a_restart_needs_the_same_model(what: str, fresh: Callable[[], Model]) -> None:
    trainer = Trainer(other(layers.Dense(8, "tanh")), FLAT, CLASSES)
    with pytest.raises(
        ValueError, match=f"`restart_from` needs a model of the same {what}. Received: model=.*, fresh="
    ):
        trainer.restart_from(fresh())


def test_a_restart_needs_the_same_constants_of_an_activation() -> None:
    trainer = Trainer(other(layers.Dense(8, ka.Snake(1.0, learn=()))), FLAT, CLASSES)
    with pytest.raises(ValueError, match="same layers"):
        trainer.restart_from(other(layers.Dense(8, ka.Snake(2.0, learn=()))))
    trainer.restart_from(other(layers.Dense(8, ka.Snake(1.0, learn=()))))


def scaled(factor: float) -> Callable[[Any, Any], Any]:
    return lambda y, p: factor * keras.losses.sparse_categorical_crossentropy(y, p)


class Scaled(keras.losses.Loss):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return scaled(self.factor)(y_true, y_pred)


@pytest.mark.parametrize("loss", [scaled, Scaled])
def test_a_restart_needs_the_same_constants_of_a_loss(loss: Callable[[float], Any]) -> None:
    trainer = Trainer(other(loss=loss(1.0)), FLAT, CLASSES)
    with pytest.raises(ValueError, match="same loss"):
        trainer.restart_from(other(loss=loss(2.0)))
    trainer.restart_from(other(loss=loss(1.0)))


def test_draws_at_random_are_noticed_but_for_those_of_keras() -> None:
    def dropping_out() -> None:
        dropping()
        recurrent()

    def from_backend() -> None:
        if BACKEND == "tensorflow":
            import tensorflow as tf

            tf.random.normal([])
        elif BACKEND == "torch":
            import torch

            torch.randn([])
        else:  # JAX has no generator of its own
            np.random.normal()

    for draw, noticed in (
        (dropping_out, False),
        (lambda: np.random.default_rng(0).normal(), False),
        (np.random.normal, True),
        (lambda: keras.random.normal(()), True),
        (from_backend, True),
    ):
        seed_generators(3)
        assert not has_drawn(3)
        draw()
        assert has_drawn(3) == noticed


@pytest.mark.parametrize("changes", [{"optimizer": "sgd"}, {"loss": "mae"}], ids=str)
def test_a_model_compiled_again_is_traced_again(changes: dict[str, Any]) -> None:
    def again(model: Model) -> None:
        compiled(model, **{"optimizer": model.optimizer, "loss": "mse", "metrics": None, **changes})

    def build() -> Model:
        return dense(loss="mse", metrics=None)

    trainer = Trainer(of_seed(build), FLAT, FLAT[:, :3], batch_size=BATCH, shuffle=False)
    by_hand = of_seed(build)
    same(trainer.train(2, seed=0).history, by_fit(by_hand, FLAT, FLAT[:, :3], epochs=2))
    again(trainer.model)
    again(by_hand)
    same(trainer.train(2, seed=0).history, by_fit(by_hand, FLAT, FLAT[:, :3], epochs=2))


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch compiles nothing")
def test_the_first_training_is_not_charged_for_compiling() -> None:
    trainer = Trainer(dense(), FLAT, CLASSES, batch_size=BATCH)
    first, second = trainer.train(1, seed=0), trainer.train(1, seed=0)
    assert first.train_s < 0.1 * first.compile_s
    assert second.compile_s < 0.1 * first.compile_s


def test_seeding_gives_the_weights_that_keras_would() -> None:
    """Also those that a model draws from the backend's own generator."""

    def build() -> Model:
        model = dense()
        if BACKEND == "tensorflow":
            import tensorflow as tf

            model.layers[0].bias.assign(tf.random.normal([8]))
        return model

    expected = {seed: weights(of_seed(build, seed)) for seed in (11, 12, 13)}
    keras.utils.set_random_seed(0)
    for seed in (13, 11, 12):
        seed_generators(seed)
        for ours, keras_s in zip(weights(build()), expected[seed], strict=True):
            np.testing.assert_array_equal(ours, keras_s)


def test_a_restart_may_start_elsewhere_and_learn_slower() -> None:
    trainer = Trainer(other(layers.Dense(8, "tanh")), FLAT, CLASSES)
    start = other(layers.Dense(8, "tanh", kernel_initializer="zeros"), optimizer=keras.optimizers.Adam(0.5))
    trainer.restart_from(start)
    assert float(trainer.model.optimizer.learning_rate) == 0.5
    assert not trainer.model.get_weights()[0].any()


def test_a_restart_refuses_what_it_cannot_reset() -> None:
    trainer = Trainer(other(), FLAT, CLASSES)
    trainer.model.second_optimizer = keras.optimizers.SGD()
    with pytest.raises(ValueError, match=r"one optimizer. Received: also=\['second_optimizer'\]"):
        trainer.restart_from(other())
    with pytest.raises(ValueError, match="`restart_from` needs a compiled model"):
        trainer.restart_from(keras.Sequential([layers.Dense(1)]))
