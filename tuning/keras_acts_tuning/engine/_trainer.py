"""Training a model, in a graph or by `fit`."""

import time
from collections.abc import Iterable
from typing import Any, Literal

import keras
import numpy as np
from keras import tree

from keras_acts_tuning.engine._alike import difference_of, facts_of, identical, is_optimizer, parts_of, state_of
from keras_acts_tuning.engine._arrays import (
    Arrays,
    InOrder,
    as_arrays,
    count_of,
    is_arraylike,
    map_arrays,
    on_device,
    order_of,
)
from keras_acts_tuning.engine._clock import Clock, Training, quartiles
from keras_acts_tuning.engine._loops import LOOPS, Logs, Loops, Run
from keras_acts_tuning.engine._obstacles import batch_level_hook, model_obstacle, overrides
from keras_acts_tuning.engine._seeds import seed_fit, seed_generators
from keras_acts_tuning.errors import received


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
        self._data = as_arrays("`Trainer`", x, y, sample_weight, class_weight)
        self._validation: Arrays | None = None
        if validation_data is not None:
            parts = keras.utils.unpack_x_y_sample_weight(validation_data)
            self._validation = as_arrays("`validation_data`", *parts)
        self._loops: Loops | None = None
        self._compiled_with: list[Any] = []
        self._train_tensors: Arrays | None = None
        self._validation_tensors: Arrays | None = None

    def restart_from(self, fresh: keras.Model) -> None:
        """Go back to the start, with the weights of a newly built model.

        Takes over its weights and the state of its seed generators and of its optimizer (learning
        rate and all), and resets the metrics. The graphs stay: training goes on exactly as a new
        trainer of `fresh` would, without tracing again.

        Args:
            fresh: A model of the same architecture, compiled alike, not trained yet. Also the numbers in its
                code need to be the same, of which only those show that a config or a closure holds.

        Raises:
            ValueError: The architecture, the loss, the metrics or the optimizer differ, or the model has
                further optimizers of its own.
        """
        if not fresh.compiled:
            raise ValueError(received("`restart_from` needs a compiled model", fresh=fresh.name))
        more = [name for name, value in vars(self.model).items() if is_optimizer(value) and name != "optimizer"]
        if more:
            raise ValueError(received("`restart_from` needs a model with one optimizer", also=more))
        for model in (self.model, fresh):
            if not all(layer.built for layer in model._flatten_layers()):
                self._symbolic_build(model)
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
        ours, theirs = facts_of(self.model), facts_of(fresh)
        for what, our in ours.items():
            if our != theirs[what]:
                need = f"`restart_from` needs a model of the same {what}"
                raise ValueError(received(need, **difference_of(our, theirs[what])))
        for old, new in zip(state_of(self.model), state_of(fresh), strict=True):
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
        obstacle = batch_level_hook(listeners) or self._obstacle()
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
        data = as_arrays("`evaluate`", x, y, sample_weight)
        if data is None or self._obstacle():
            size = batch_size if is_arraylike(x) else None
            return _flat(self.model.evaluate(x, y, size, 0, sample_weight, return_dict=True))
        run = self._prepare().ready("test", on_device(data), batch_size)
        self.model.reset_metrics()
        return self._epoch(run, np.arange(count_of(data)))

    def _obstacle(self) -> str:
        """What keeps this model and its data out of a graph, or nothing."""
        if self._data is None:
            return f"the data are a {type(self._given['x']).__name__}, not arrays of numbers"
        if self._given_validation is not None and self._validation is None:
            return "the validation data are not arrays of numbers"
        return model_obstacle(self.model)

    def _symbolic_build(self, model: keras.Model) -> None:
        """Make the variables of layers, metrics and optimizer, without computing anything."""
        if self._data is None:
            raise ValueError(
                received("`restart_from` needs a built model where data come in batches", model=model.name)
            )
        # Private, and the first thing that `fit` does on JAX and PyTorch.
        model._symbolic_build(data_batch=map_arrays(lambda a: a[: self.batch_size], self._data))

    def _run_graphs(self, epochs: int, seed: int, callbacks: list[keras.callbacks.Callback], reason: str) -> Training:
        model = self.model
        started = time.perf_counter()
        loops = self._prepare()
        run = loops.ready("train", self._train_tensors, self.batch_size)
        validate = None
        if self._validation is not None:
            validate = loops.ready("test", self._validation_tensors, self.batch_size)
        compile_s = time.perf_counter() - started

        count = count_of(self._data)
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
            order = order_of(count, seed, epoch) if self.shuffle else np.arange(count)
            started = time.perf_counter()
            logs = self._epoch(run, order)
            epoch_s.append(time.perf_counter() - started)
            if validate is not None:
                listening.on_test_begin()
                model.reset_metrics()
                started = time.perf_counter()
                tested = self._epoch(validate, np.arange(count_of(self._validation)))
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
            step_s=quartiles([seconds / steps for seconds in epoch_s]),
        )

    def _fit(self, epochs: int, seed: int, callbacks: list[keras.callbacks.Callback], reason: str) -> Training:
        data: dict[str, Any] = dict(self._given)
        shuffle = False
        begin = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: seed_fit(seed))
        if self._data is None:
            keras.utils.set_random_seed(seed)  # TensorFlow too, whose pipelines may draw from it
        elif self.shuffle:
            batches = InOrder(self._data, self.batch_size, seed)
            data = {"x": batches}
            # A callback may have `fit` begin at another epoch than the first.
            begin.on_epoch_begin = lambda epoch, logs: batches.begin(epoch)
        if is_arraylike(data["x"]):
            shuffle = self.shuffle  # only of what NumPy cannot hold: strings, sparse tensors
            data["batch_size"] = self.batch_size
        if is_arraylike(self._given_validation):
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

    def _prepare(self) -> "Loops":
        """The backend's graphs of this model, and its data on the device: made when first wanted.

        And made again for a model that was compiled again.
        """
        if self._loops is None or not identical(self._compiled_with, parts_of(self.model)):
            # On TensorFlow, `fit` leaves this to the trace, which then runs twice. A `train_step` of the
            # user's own may not call the model at all (a GAN's): such a one we leave to the trace too.
            if keras.backend.backend() != "tensorflow" or not overrides(self.model, "train_step"):
                self._symbolic_build(self.model)
            self._train_tensors = on_device(self._data)
            self._validation_tensors = on_device(self._validation)
            self._loops = LOOPS[keras.backend.backend()](self.model)
            self._compiled_with = parts_of(self.model)
        return self._loops


def _flat(logs: Logs) -> dict[str, float]:
    """Nested logs as one dictionary, as `History` holds them: of numbers, and of arrays where a metric has several."""
    flat: dict[str, Any] = {}
    for name, value in sorted(logs.items()):
        if isinstance(value, dict):
            flat |= _flat(value)
        else:
            array = keras.ops.convert_to_numpy(value)
            flat[name] = float(array.item()) if array.size == 1 else array
    return flat


def _integer(owner: str, name: str, value: Any, *, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(received(f"`{owner}` needs `{name}` to be an integer", **{name: value}))
    if value < least:
        raise ValueError(received(f"`{owner}` needs `{name}` of at least {least}", **{name: value}))
    return int(value)
