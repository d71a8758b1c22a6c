"""Training, an epoch at a time: the whole epoch inside one compiled graph where that is exact.

Keras's `fit` goes back to Python for every batch, which costs more than the arithmetic of a small
model. Here, on TensorFlow and JAX, the loop over the batches is part of the graph, around Keras's own
`train_step` and `test_step`, so that loss, metrics, optimizer, weights of samples and loss scaling are
Keras's (or the user's, where a model overrides them). What a graph cannot do is left to `fit`, and said so.

What is the same every time: with the same `seed` and a model in the same state, training gives the
same history bit for bit, in any process and whatever was trained before, on a CPU with as many
threads. Two things are outside of it: random numbers that a layer of the user's draws from the
backend itself (`tf.random.normal`) instead of a `keras.random.SeedGenerator`, and the operations that
the backend's vendor declares non-deterministic on a GPU.
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import keras
import numpy as np
from keras import tree

# Private to Keras, with `Model._symbolic_build` and `Model._flatten_layers` all that is: `seed_generators`
# resets the generator that `keras.random` falls back on; the adapter is how `fit` reads arrays (floats to
# floatx, class weights to sample weights, pandas to columns, one sample weight to every output), so that the
# two engines cannot differ.
from keras.src.backend.common.global_state import set_global_attribute
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

from keras_acts_tuning.errors import received

Arrays: TypeAlias = Any
"""An array, a tensor, or a (nested) tuple, list or dict of them."""

Logs: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["train", "test"]
Run: TypeAlias = Callable[[np.ndarray], tuple[Logs, Logs]]
"""One epoch over the samples in the order given; returns the metrics, and what the last step returned."""


@dataclass(frozen=True)
class Training:
    """What a training gave, and what it took.

    Args:
        history: What Keras's `History` holds: for each name, a value an epoch.
        engine: `"graph"`, a whole epoch in one call, or `"fit"`.
        reason: Why that engine.
        train_s: Seconds in training epochs, without compilation, validation and callbacks.
        compile_s: Seconds of tracing and compiling: next to nothing where a graph was used again.
            With `fit`, what its first epoch's first and last batch took over the median batch (the
            last may have a shape of its own); a training of one batch does not tell them apart.
        validate_s: Seconds in validation.
        step_s: Seconds a training step, median, first and third quartile: over the epochs, each
            divided by its steps; with `fit`, over the batches.
    """

    history: dict[str, list[float]]
    engine: Literal["graph", "fit"]
    reason: str
    train_s: float
    compile_s: float
    validate_s: float
    step_s: tuple[float, float, float]


class Trainer:
    """One compiled Keras model and its graphs, for all the seeds of an activation.

    Tracing and compiling take longer than a short training. A trainer pays for them once:
    `restart_from` puts it back to the start of another seed, and the same graphs run.

    Args:
        model: A compiled model.
        x: Inputs: an array, or a tuple or dict of arrays; or anything else that `fit` takes.
        y: Targets, likewise. `None` where `x` brings them.
        sample_weight: A weight a sample, or `None`.
        class_weight: A dictionary from class to weight, or `None`.
        validation_data: `(x, y)` or `(x, y, sample_weight)`, or whatever else `fit` takes, or `None`.
        batch_size: Samples a step, in training and in validation. The last batch of an epoch is as
            small as it comes. Without meaning for data that come in batches. Defaults to `32`.
        shuffle: Whether each epoch has an order of its own: NumPy's
            `default_rng([seed, epoch]).permutation`, whatever the engine, backend and activation.
            Data that come in batches keep their own order. Defaults to `True`.

    Raises:
        TypeError: `batch_size` is not an integer.
        ValueError: The model is not compiled, the arrays differ in length or are empty, both
            `sample_weight` and `class_weight` are given, or `batch_size` is below 1.

    Example:
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> trainer = Trainer(model, np.ones((8, 2)), np.ones((8, 1)), batch_size=4)
    >>> training = trainer.train(epochs=2, seed=0)
    >>> training.engine, len(training.history["loss"])
    ('graph', 2)
    """

    def __init__(
        self,
        model: keras.Model,
        x: Any,
        y: Arrays | None = None,
        *,
        sample_weight: Arrays | None = None,
        class_weight: dict[int, float] | None = None,
        validation_data: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
    ) -> None:
        if not model.compiled:
            raise ValueError(received("`Trainer` needs a compiled model", model=model.name))
        if sample_weight is not None and class_weight is not None:
            need = "`Trainer` needs `sample_weight` or `class_weight`, not both"
            raise ValueError(received(need, class_weight=class_weight))
        self.model = model
        self.batch_size = _integer("Trainer", "batch_size", batch_size, least=1)
        self.shuffle = shuffle
        self._given = {"x": x, "y": y, "sample_weight": sample_weight, "class_weight": class_weight}
        self._given_validation = validation_data
        self._data = _as_arrays("`Trainer`", x, y, sample_weight, class_weight)
        self._validation: Arrays | None = None
        if validation_data is not None:
            parts = keras.utils.unpack_x_y_sample_weight(validation_data)
            self._validation = _as_arrays("`validation_data`", *parts)
        self._loops: _Loops | None = None
        self._compiled_with: list[Any] = []
        self._train_tensors: Arrays | None = None
        self._validation_tensors: Arrays | None = None

    def restart_from(self, fresh: keras.Model) -> None:
        """Go back to the start, with the weights of a newly built model.

        Takes over its weights and the state of its seed generators and of its optimizer (learning
        rate and all), and resets the metrics. The graphs stay: training goes on exactly as a new
        trainer of `fresh` would, without tracing again.

        Args:
            fresh: A model of the same architecture, compiled alike, not trained yet.

        Raises:
            ValueError: The architecture, the loss or the optimizer differ, or the model has further
                optimizers of its own.
        """
        if not fresh.compiled:
            raise ValueError(received("`restart_from` needs a compiled model", fresh=fresh.name))
        more = [name for name, value in vars(self.model).items() if _is_optimizer(value) and name != "optimizer"]
        if more:
            raise ValueError(received("`restart_from` needs a model with one optimizer", also=more))
        for model in (self.model, fresh):
            if not all(layer.built for layer in model._flatten_layers()):
                self._symbolic_build(model)
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
        ours, theirs = _facts(self.model), _facts(fresh)
        for what, our in ours.items():
            if our != theirs[what]:
                need = f"`restart_from` needs a model of the same {what}"
                raise ValueError(received(need, **_difference(our, theirs[what])))
        for old, new in zip(_state(self.model), _state(fresh), strict=True):
            old.assign(keras.ops.copy(new.value))
        self.model.reset_metrics()

    def train(
        self,
        epochs: int,
        *,
        seed: int,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        engine: Literal["auto", "graph", "fit"] = "auto",
    ) -> Training:
        """Train the model as it stands.

        Args:
            epochs: How many epochs, at least 1; callbacks may stop it earlier.
            seed: Decides the order of the data, and is given to `seed_generators`.
            callbacks: Keras callbacks, called as `fit` calls them.
            engine: `"auto"` takes the graph where it is exact. `"graph"` insists on it.

        Raises:
            TypeError: `epochs` or `seed` is not an integer.
            ValueError: `epochs` is below 1, `seed` is negative, `engine` is unknown, or it is
                `"graph"` and something needs `fit`.
        """
        _integer("train", "epochs", epochs, least=1)
        _integer("train", "seed", seed, least=0)
        listeners: list[keras.callbacks.Callback] = tree.flatten(list(callbacks))
        obstacle = _batch_level(listeners) or self._obstacle()
        match engine:
            case "auto":
                reason = obstacle or "arrays, and callbacks of epochs only"
            case "fit":
                reason, obstacle = "asked for", "asked for"
            case "graph" if obstacle:
                raise ValueError(received("`train` needs `fit` here, not engine='graph'", reason=obstacle))
            case "graph":
                reason = "asked for"
            case _:
                need = "`train` needs `engine` to be 'auto', 'graph' or 'fit'"
                raise ValueError(received(need, engine=engine))
        return (self._fit if obstacle else self._run_graphs)(epochs, seed, listeners, reason)

    def evaluate(
        self, x: Any, y: Arrays | None = None, sample_weight: Arrays | None = None, batch_size: int | None = None
    ) -> dict[str, float]:
        """Loss and metrics of the model as it stands: `model.evaluate(…, return_dict=True)`, in a graph.

        Args:
            x: Inputs, as for the constructor.
            y: Targets.
            sample_weight: A weight a sample, or `None`.
            batch_size: Samples a step. Defaults to the trainer's.

        Raises:
            ValueError: The arrays differ in length or are empty, or `batch_size` is below 1.
        """
        batch_size = self.batch_size if batch_size is None else batch_size
        _integer("evaluate", "batch_size", batch_size, least=1)
        data = _as_arrays("`evaluate`", x, y, sample_weight)
        if data is None or self._obstacle():
            size = batch_size if _is_arraylike(x) else None
            return _flat(self.model.evaluate(x, y, size, 0, sample_weight, return_dict=True))
        run = self._prepare().ready("test", _on_device(data), batch_size)
        self.model.reset_metrics()
        return self._epoch(run, np.arange(_count(data)))

    def _obstacle(self) -> str:
        """What keeps this model and its data out of a graph, or nothing."""
        if self._data is None:
            return f"the data are a {type(self._given['x']).__name__}, not arrays of numbers"
        if self._given_validation is not None and self._validation is None:
            return "the validation data are not arrays of numbers"
        return _model_obstacle(self.model)

    def _symbolic_build(self, model: keras.Model) -> None:
        """Make the variables of layers, metrics and optimizer, without computing anything."""
        if self._data is None:
            raise ValueError(
                received("`restart_from` needs a built model where data come in batches", model=model.name)
            )
        # Private, and the first thing that `fit` does on JAX and PyTorch.
        model._symbolic_build(data_batch=_map(lambda a: a[: self.batch_size], self._data))

    def _run_graphs(self, epochs: int, seed: int, callbacks: list[keras.callbacks.Callback], reason: str) -> Training:
        model = self.model
        started = time.perf_counter()
        loops = self._prepare()
        run = loops.ready("train", self._train_tensors, self.batch_size)
        validate = None
        if self._validation is not None:
            validate = loops.ready("test", self._validation_tensors, self.batch_size)
        compile_s = time.perf_counter() - started

        count = _count(self._data)
        steps = -(-count // self.batch_size)
        history = keras.callbacks.History()
        listening = keras.callbacks.CallbackList(
            [*callbacks, history], model=model, verbose=0, epochs=epochs, steps=steps
        )
        epoch_s: list[float] = []
        validate_s = 0.0
        logs: dict[str, float] = {}
        seed_generators(seed)
        model.stop_training = False
        listening.on_train_begin()
        for epoch in range(epochs):
            model.reset_metrics()
            listening.on_epoch_begin(epoch)
            order = _order(count, seed, epoch) if self.shuffle else np.arange(count)
            started = time.perf_counter()
            logs = self._epoch(run, order)
            epoch_s.append(time.perf_counter() - started)
            if validate is not None:
                listening.on_test_begin()
                model.reset_metrics()
                started = time.perf_counter()
                tested = self._epoch(validate, np.arange(_count(self._validation)))
                validate_s += time.perf_counter() - started
                listening.on_test_end(tested)
                logs |= {f"val_{name}": value for name, value in tested.items()}
            listening.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        listening.on_train_end(logs)
        return Training(
            history=history.history,
            engine="graph",
            reason=reason,
            train_s=sum(epoch_s),
            compile_s=compile_s,
            validate_s=validate_s,
            step_s=_quartiles([seconds / steps for seconds in epoch_s]),
        )

    def _fit(self, epochs: int, seed: int, callbacks: list[keras.callbacks.Callback], reason: str) -> Training:
        data: dict[str, Any] = dict(self._given)
        shuffle = False
        begin = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: _seed_fit(seed))
        if self._data is None:
            keras.utils.set_random_seed(seed)  # TensorFlow too, whose pipelines may draw from it
        elif self.shuffle:
            batches = _Batches(self._data, self.batch_size, seed)
            data = {"x": batches}
            # A callback may have `fit` begin at another epoch than the first.
            begin.on_epoch_begin = lambda epoch, logs: batches.begin(epoch)
        if _is_arraylike(data["x"]):
            shuffle = self.shuffle  # only of what NumPy cannot hold: strings, sparse tensors
            data["batch_size"] = self.batch_size
        if _is_arraylike(self._given_validation):
            data["validation_batch_size"] = self.batch_size
        clock = Clock()
        self.model.fit(
            **data,
            validation_data=self._given_validation,
            epochs=epochs,
            shuffle=shuffle,
            verbose=0,
            callbacks=clock.around([begin, *callbacks]),
        )
        return clock.training(reason)

    def _epoch(self, run: Run, order: np.ndarray) -> dict[str, float]:
        """One pass over the data, and the logs that `fit` would report of it."""
        metrics, logs = run(order.astype(np.int32))
        # As `fit` does: the metrics, unless a step of the user's own returns other names.
        return _flat(metrics if set(metrics) == set(logs) else logs)

    def _prepare(self) -> "_Loops":
        """The backend's graphs of this model, and its data on the device: made when first wanted.

        And made again for a model that was compiled again.
        """
        if self._loops is None or not _same(self._compiled_with, _compiled_with(self.model)):
            # On TensorFlow, `fit` leaves this to the trace, which then runs twice. A `train_step` of the
            # user's own may not call the model at all (a GAN's): such a one we leave to the trace too.
            if keras.backend.backend() != "tensorflow" or not _overrides(self.model, "train_step"):
                self._symbolic_build(self.model)
            self._train_tensors = _on_device(self._data)
            self._validation_tensors = _on_device(self._validation)
            self._loops = _LOOPS[keras.backend.backend()](self.model)
            self._compiled_with = _compiled_with(self.model)
        return self._loops


def seed_generators(seed: int) -> None:
    """What `keras.utils.set_random_seed` does, without throwing away TensorFlow's graphs.

    `tf.random.set_seed` has TensorFlow optimize all of them again when they are called next: 0.2 seconds
    for a small model, each time. It does so to forget how far operations with this very seed have drawn.
    Here they go on where they are, so that a `build` that draws from TensorFlow itself
    (`tf.random.normal`) gives one model for a seed only where each seed comes once in a process.

    Args:
        seed: A number of at least 0.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    set_global_attribute(GLOBAL_SEED_GENERATOR, None)  # the next draw makes it anew
    match keras.backend.backend():
        case "tensorflow":
            from tensorflow.python.eager import context

            # Private: the two of the three lines of `tf.random.set_seed` that do not empty its caches.
            eager = context.context()
            eager._seed, eager._rng = seed, random.Random(seed)
        case "torch":
            import torch

            torch.manual_seed(seed)


def _seed_fit(seed: int) -> None:
    """Seed a training by `fit`, once it has built the model."""
    seed_generators(seed)
    if keras.backend.backend() == "torch":
        import torch

        # PyTorch's data loader draws once whenever it is begun. `fit` begins it to build a new model, but
        # not one that was trained before: all start alike, as a new one that was seeded before `fit`.
        torch.empty((), dtype=torch.int64).random_()


class _Loops(Protocol):
    """A backend's way to run an epoch of a model."""

    def __init__(self, model: keras.Model) -> None: ...

    def ready(self, kind: Kind, data: Arrays, batch_size: int) -> Run:
        """An epoch over `data`, compiled where it is not yet; nothing is left to do at its first call."""


class _TensorFlowLoops:
    """A `while_loop` around the step, both in one `tf.function`.

    XLA does what the model was compiled for, step by step as in `fit`. A whole loop under XLA was twice
    as fast for a small dense network on a CPU, but took longer to compile than ten trainings saved,
    and made convolutions ten times slower.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._graphs: dict[Any, Any] = {}

    def ready(self, kind: Kind, data: Arrays, batch_size: int) -> Run:
        import tensorflow as tf

        count = _count(data)
        # As in `fit`: batches have a fixed size unless the last one is smaller.
        fixed = None if count % batch_size else batch_size
        spec = _map(lambda a: tf.TensorSpec((fixed, *a.shape[1:]), a.dtype), data)
        key = (kind, batch_size, str(spec))
        if key not in self._graphs:
            self._graphs[key] = self._trace(getattr(self._model, f"{kind}_step"), spec, batch_size)
            if self._model.jit_compile:
                # XLA compiles when a batch of a new size comes: the full one, and the last.
                kept = [tf.identity(variable) for variable in self._graphs[key].variables]
                few = np.arange(count if count < batch_size else batch_size + count % batch_size, dtype=np.int32)
                self._graphs[key](data, tf.constant(few), tf.constant(-(-len(few) // batch_size)))
                for variable, value in zip(self._graphs[key].variables, kept, strict=True):
                    variable.assign(value)
        graph = self._graphs[key]
        # No step at all: TensorFlow optimizes a graph when it is first called, and again after
        # `tf.random.set_seed`, which empties its caches.
        graph(data, tf.zeros([0], tf.int32), tf.constant(0))
        steps = tf.constant(-(-count // batch_size))
        return lambda order: graph(data, tf.constant(order), steps)

    def _trace(self, step: Callable[..., Logs], spec: Any, batch_size: int) -> Any:
        import tensorflow as tf

        # A function of its own, since the loop needs to know what a step returns before it begins.
        one_step = tf.function(step, autograph=False, jit_compile=self._model.jit_compile)
        one_step = one_step.get_concrete_function(spec)

        @tf.function(autograph=False)
        def epoch(data: Arrays, order: Any, steps: Any) -> tuple[Logs, Logs]:
            def body(done: Any, _: Logs) -> tuple[Any, Logs]:
                index = order[done * batch_size : (done + 1) * batch_size]
                batch = _map(lambda a, like: tf.ensure_shape(tf.gather(a, index), like.shape), data, spec)
                return done + 1, one_step(batch)

            start = 0, tf.nest.map_structure(lambda out: tf.zeros(out.shape, out.dtype), one_step.structured_outputs)
            # One at a time: each step begins with the weights that the last one left.
            _, logs = tf.while_loop(lambda done, _: done < steps, body, start, parallel_iterations=1)
            return self._model.get_metrics_result(), logs

        whole = _map(lambda like: tf.TensorSpec((None, *like.shape[1:]), like.dtype), spec)
        return epoch.get_concrete_function(whole, tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32))


class _JAXLoops:
    """A `scan` around Keras's stateless step; or the compiled step itself, batch by batch.

    The latter for convolutions on a CPU, which XLA runs some thirty times slower inside a loop.
    """

    def __init__(self, model: keras.Model) -> None:
        import jax

        @jax.jit
        def result(values: list[Any]) -> Logs:
            with keras.StatelessScope(state_mapping=list(zip(model.metrics_variables, values, strict=True))):
                return model.get_metrics_result()  # type: ignore[no-any-return]

        self._model = model
        self._result = result
        self._graphs: dict[Any, Callable[..., tuple[Logs, Any]]] = {}

    def ready(self, kind: Kind, data: Arrays, batch_size: int) -> Run:
        import jax

        model = self._model
        groups = [model.trainable_variables, model.non_trainable_variables, model.metrics_variables]
        if kind == "train":
            groups.insert(2, model.optimizer.variables)

        def state() -> tuple[list[Any], ...]:
            return tuple([variable.value for variable in group] for group in groups)

        key = (kind, batch_size, str(_map(lambda a: (a.shape, a.dtype), data)))
        if key not in self._graphs:
            self._graphs[key] = self._compile(getattr(model, f"{kind}_step"), state(), data, batch_size)
        graph = self._graphs[key]

        def run(order: np.ndarray) -> tuple[Logs, Logs]:
            logs, after = graph(state(), data, order)
            metrics = self._result(after[-1])
            jax.block_until_ready(after)  # type: ignore[no-untyped-call, unused-ignore]
            for group, values in zip(groups, after, strict=True):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)
            return metrics, logs

        self._result(state()[-1])
        return run

    def _compile(
        self, step: Callable[..., tuple[Logs, Any]], state: Any, data: Arrays, batch_size: int
    ) -> Callable[..., tuple[Logs, Any]]:
        import jax

        count = _count(data)
        full = count - count % batch_size
        order = np.arange(count, dtype=np.int32)

        @jax.jit
        def on_batch(state: Any, data: Arrays, index: Any) -> tuple[Logs, Any]:
            return step(state, jax.tree.map(lambda a: a[index], data))

        def batch_by_batch(state: Any, data: Arrays, order: np.ndarray) -> tuple[Logs, Any]:
            logs: Logs = {}
            for index in _batches(order, batch_size):
                logs, state = on_batch(state, data, index)
            return logs, state

        @jax.jit
        def scan(state: Any, data: Arrays, order: Any) -> tuple[Logs, Any]:
            def body(state: Any, index: Any) -> tuple[Any, Logs]:
                logs, state = on_batch(state, data, index)
                return state, logs

            logs: Logs = {}
            if full:
                state, each = jax.lax.scan(body, state, order[:full].reshape(-1, batch_size))
                logs = jax.tree.map(lambda a: a[-1], each)
            if count > full:
                logs, state = on_batch(state, data, order[full:])
            return logs, state

        traced = scan.trace(state, data, order)
        if jax.default_backend() == "cpu" and "conv_general_dilated" in str(traced.jaxpr):
            for index in {len(index): index for index in _batches(order, batch_size)}.values():
                on_batch(state, data, index)  # compiles; without side effects, so that its results can be dropped
            return batch_by_batch
        compiled: Callable[..., tuple[Logs, Any]] = traced.lower().compile()
        return compiled


class _Batches(keras.utils.PyDataset):
    """The arrays in the order of the graphs, for `fit`."""

    def __init__(self, data: Arrays, batch_size: int, seed: int) -> None:
        super().__init__()
        self._data, self._batch_size, self._seed = data, batch_size, seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
        self._index = _batches(_order(_count(self._data), self._seed, epoch), self._batch_size)

    @property
    def num_batches(self) -> int:
        return len(self._index)

    def __getitem__(self, index: int) -> Arrays:
        return _map(lambda a: a[self._index[index]], self._data)


@dataclass
class Clock:
    """Seconds that `fit` took: each step of each epoch, and what it did between steps."""

    started: float = 0.0
    train_steps: list[list[float]] = field(default_factory=list)
    test_steps: list[list[float]] = field(default_factory=list)
    train_between: list[float] = field(default_factory=list)
    test_between: list[float] = field(default_factory=list)
    history: keras.callbacks.History = field(default_factory=keras.callbacks.History)

    def around(self, callbacks: Iterable[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
        """The callbacks for `fit`, between those that keep the time."""
        return [_Stop(self), *callbacks, _Start(self), self.history]

    def stop(self, seconds: list[float]) -> None:
        """Add the time since the clock was started."""
        seconds.append(time.perf_counter() - self.started)

    def training(self, reason: str) -> Training:
        """What `fit` gave, once it has trained a step."""
        train, train_compile_s = _without_compilation(self.train_steps)
        validate, validate_compile_s = _without_compilation(self.test_steps)
        return Training(
            history=self.history.history,
            engine="fit",
            reason=reason,
            train_s=sum(train) + sum(self.train_between),
            compile_s=train_compile_s + validate_compile_s,
            validate_s=sum(validate) + sum(self.test_between),
            step_s=_quartiles(train),
        )


class _Start(keras.callbacks.Callback):
    """Starts the clock; the last of the callbacks, so that none of the others is timed."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def _start(self, *_: Any, **__: Any) -> None:
        self._clock.started = time.perf_counter()

    on_epoch_begin = on_train_batch_begin = on_train_batch_end = _start
    on_test_begin = on_test_batch_begin = on_test_batch_end = on_test_end = _start


class _Stop(keras.callbacks.Callback):
    """Stops the clock; the first of the callbacks."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._clock.train_steps.append([])

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._clock.stop(self._clock.train_between)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._clock.stop(self._clock.train_steps[-1])

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._clock.stop(self._clock.train_between)
        self._clock.test_steps.append([])

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._clock.stop(self._clock.test_between)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._clock.stop(self._clock.test_steps[-1])

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._clock.stop(self._clock.test_between)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._clock.stop(self._clock.train_between)


def _without_compilation(epochs: list[list[float]]) -> tuple[list[float], float]:
    """Seconds a batch with the two that may have compiled cut down to the median, and what was cut."""
    batches = [seconds for epoch in epochs for seconds in epoch]
    median = float(np.median(batches)) if batches else 0.0
    cut = 0.0
    for place in {0, len(epochs[0]) - 1} if epochs else ():
        excess = max(0.0, batches[place] - median)
        batches[place] -= excess
        cut += excess
    return batches, cut


def _quartiles(seconds: list[float]) -> tuple[float, float, float]:
    first, median, third = np.percentile(seconds, [25.0, 50.0, 75.0])
    return float(median), float(first), float(third)


def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(count)


def _batches(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _map(function: Callable[..., Any], *structures: Any) -> Any:
    """`map_structure` that leaves `None` alone: an output may have no sample weights."""
    return tree.map_structure(lambda *leaves: None if leaves[0] is None else function(*leaves), *structures)


def _count(data: Arrays) -> int:
    return next(len(leaf) for leaf in tree.flatten(data) if leaf is not None)


def _on_device(data: Arrays) -> Arrays:
    return _map(keras.ops.convert_to_tensor, data)


def _is_arraylike(data: Any) -> bool:
    """Whether Keras cuts `data` into batches itself."""
    return all(hasattr(leaf, "shape") for leaf in tree.flatten(data) if leaf is not None)


def _as_arrays(
    owner: str, x: Any, y: Any = None, sample_weight: Any = None, class_weight: dict[int, float] | None = None
) -> Arrays | None:
    """What `fit` would cut into batches, as NumPy arrays; `None` where NumPy cannot hold it in numbers."""
    parts = {"x": x, "y": y, "sample_weight": sample_weight}
    leaves = {name: [leaf for leaf in tree.flatten(part) if leaf is not None] for name, part in parts.items()}
    if not all(hasattr(leaf, "__array__") and hasattr(leaf, "shape") for part in leaves.values() for leaf in part):
        return None
    lengths = {name: sorted({int(leaf.shape[0]) for leaf in part}) for name, part in leaves.items() if part}
    counts = {length for each in lengths.values() for length in each}
    if len(counts) != 1:
        raise ValueError(received(f"{owner} needs arrays of one length", **lengths))
    count = counts.pop()
    if not count:
        raise ValueError(received(f"{owner} needs at least one sample", **lengths))
    adapter = ArrayDataAdapter(x, y, sample_weight, batch_size=count, class_weight=class_weight)
    data = tree.lists_to_tuples(next(adapter.get_numpy_iterator()))
    numbers = all(leaf is None or leaf.dtype.kind in "biuf" for leaf in tree.flatten(data))
    return data if numbers else None


def _flat(logs: Logs) -> dict[str, float]:
    """Nested logs as one dictionary of numbers, as `History` holds them; what is no number stays as it is."""
    flat: dict[str, Any] = {}
    for name, value in sorted(logs.items()):
        if isinstance(value, dict):
            flat |= _flat(value)
        else:
            array = keras.ops.convert_to_numpy(value)
            flat[name] = float(array) if array.size == 1 else array
    return flat


def _integer(owner: str, name: str, value: Any, *, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(received(f"`{owner}` needs `{name}` to be an integer", **{name: value}))
    if value < least:
        raise ValueError(received(f"`{owner}` needs `{name}` of at least {least}", **{name: value}))
    return int(value)


def _model_obstacle(model: keras.Model) -> str:
    """What in the model needs `fit`, or nothing."""
    for name in ("fit", "evaluate", "make_train_function", "make_test_function"):
        if _overrides(model, name):
            return f"the model has a `{name}` of its own"
    for name in ("train_function", "test_function"):
        module = getattr(getattr(model, name), "__module__", "keras.")  # None where fit has not yet made it
        if not str(module).startswith("keras."):
            return f"the model has a `{name}` of its own"
    if model.run_eagerly:
        return "the model is compiled with run_eagerly=True"
    if _is_distributed(model):
        return "the model is distributed over devices"
    backend = keras.backend.backend()
    if backend == "jax" and not model.jit_compile:
        return "the model is compiled with jit_compile=False, or has a layer that cannot be"
    if backend not in _LOOPS:
        return f"{backend} has no graph of an epoch, and a loop without `fit` saved 2 to 7 % of a step"
    return ""


def _overrides(model: keras.Model, method: str) -> bool:
    return method in vars(model) or getattr(type(model), method) is not getattr(keras.Model, method)


def _is_distributed(model: keras.Model) -> bool:
    if keras.distribution.distribution() is not None:
        return True
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return tf.distribute.has_strategy() or model.distribute_strategy is not tf.distribute.get_strategy()


def _batch_level(callbacks: list[keras.callbacks.Callback]) -> str:
    """The first hook that wants to be called at every batch, or nothing."""
    base = keras.callbacks.Callback
    for callback in callbacks:
        # Keras's own, which ask in the hook itself whether batches are meant.
        by_epoch = isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch"
        idle = (base, keras.callbacks.ModelCheckpoint) if by_epoch else (base,)
        for hook in _BATCH_HOOKS:
            function = getattr(getattr(callback, hook), "__func__", None)
            if all(function is not getattr(known, hook) for known in idle):
                return f"{type(callback).__name__}.{hook} is called at every batch"
    return ""


_BATCH_HOOKS = [f"on_{kind}batch_{edge}" for kind in ("", "train_", "test_", "predict_") for edge in ("begin", "end")]


def _is_optimizer(value: Any) -> bool:
    return isinstance(value, keras.optimizers.Optimizer)


def _compiled_with(model: keras.Model) -> list[Any]:
    """What a graph of the model refers to and `compile` replaces; it always makes a new metric of the loss."""
    return [model.optimizer, model.loss, *model.metrics]


def _same(ours: list[Any], theirs: list[Any]) -> bool:
    return len(ours) == len(theirs) and all(a is b for a, b in zip(ours, theirs, strict=True))


def _state(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _facts(model: keras.Model) -> dict[str, list[Any]]:
    """All that a graph of the model depends on, apart from the values of its variables."""
    return {
        "variables": [(tuple(v.shape), str(v.dtype), v.trainable) for v in model.variables],
        "layers": [_plain(layer) for layer in model.layers],
        "loss": [_plain(model.loss)],
        "optimizer": [_plain(model.optimizer)],
    }


def _plain(value: Any) -> Any:
    """An object as its type and configuration, without what differs between two builds or lives in variables."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        starts = {"name", "seed", "learning_rate"} | {key for key in value if str(key).endswith("initializer")}
        return {
            key: _plain(item)
            for key, item in value.items()
            if key not in starts or (key == "learning_rate" and isinstance(item, dict))
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    kind = getattr(value, "__qualname__", type(value).__qualname__)
    try:
        return kind, _plain(value.get_config())
    except (AttributeError, NotImplementedError, TypeError):  # a function, a class, or a layer without one
        return kind


def _difference(ours: list[Any], theirs: list[Any]) -> dict[str, Any]:
    """The first items that differ, or the numbers of them."""
    if len(ours) != len(theirs):
        return {"model": len(ours), "fresh": len(theirs)}
    return next({"model": a, "fresh": b} for a, b in zip(ours, theirs, strict=True) if a != b)


_LOOPS: dict[str, type[_Loops]] = {"tensorflow": _TensorFlowLoops, "jax": _JAXLoops}
