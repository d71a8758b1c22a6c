"""An epoch inside one compiled graph, on each backend that has one."""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

import keras
import numpy as np

from keras_acts_tuning.engine._arrays import Arrays, count_of, in_batches, map_arrays

Logs: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["train", "test"]
Run: TypeAlias = Callable[[np.ndarray], tuple[Logs, Logs]]
"""One epoch over the samples in the order given; returns the metrics, and what the last step returned."""


class Loops(Protocol):
    """A backend's way to run an epoch of a model."""

    def __init__(self, model: keras.Model) -> None: ...

    def ready(self, kind: Kind, data: Arrays, batch_size: int) -> Run:
        """An epoch over `data`, compiled where it is not yet; nothing is left to do at its first call."""


class TensorFlowLoops:
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

        count = count_of(data)
        # As in `fit`: batches have a fixed size unless the last one is smaller.
        fixed = None if count % batch_size else batch_size
        spec = map_arrays(lambda a: tf.TensorSpec((fixed, *a.shape[1:]), a.dtype), data)
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
                batch = map_arrays(lambda a, like: tf.ensure_shape(tf.gather(a, index), like.shape), data, spec)
                return done + 1, one_step(batch)

            start = 0, tf.nest.map_structure(lambda out: tf.zeros(out.shape, out.dtype), one_step.structured_outputs)
            # One at a time: each step begins with the weights that the last one left.
            _, logs = tf.while_loop(lambda done, _: done < steps, body, start, parallel_iterations=1)
            return self._model.get_metrics_result(), logs

        whole = map_arrays(lambda like: tf.TensorSpec((None, *like.shape[1:]), like.dtype), spec)
        return epoch.get_concrete_function(whole, tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32))


class JAXLoops:
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

        key = (kind, batch_size, str(map_arrays(lambda a: (a.shape, a.dtype), data)))
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

        count = count_of(data)
        full = count - count % batch_size
        order = np.arange(count, dtype=np.int32)

        @jax.jit
        def on_batch(state: Any, data: Arrays, index: Any) -> tuple[Logs, Any]:
            return step(state, jax.tree.map(lambda a: a[index], data))

        def batch_by_batch(state: Any, data: Arrays, order: np.ndarray) -> tuple[Logs, Any]:
            logs: Logs = {}
            for index in in_batches(order, batch_size):
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
            for index in {len(index): index for index in in_batches(order, batch_size)}.values():
                on_batch(state, data, index)  # compiles; without side effects, so that its results can be dropped
            return batch_by_batch
        compiled: Callable[..., tuple[Logs, Any]] = traced.lower().compile()
        return compiled


LOOPS: dict[str, type[Loops]] = {"tensorflow": TensorFlowLoops, "jax": JAXLoops}
