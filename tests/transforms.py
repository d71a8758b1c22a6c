"""The transformations of the backend in use, under one name each: what a user may do to a function of tensors."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

BACKEND = keras.backend.backend()
PRECISE = "float32" if BACKEND == "jax" else "float64"
"""The highest precision at hand: JAX has float64 only where a program asks for it before anything else."""
EPSILON = float(np.finfo(PRECISE).eps)

Function = Callable[..., Any]


def tensor(x: Any, dtype: str = PRECISE) -> Any:
    return ops.convert_to_tensor(np.asarray(x, "float64"), dtype=dtype)


def array(x: Any) -> np.ndarray:
    return ops.convert_to_numpy(ops.cast(x, PRECISE)).astype("float64")


def gradient(function: Function) -> Function:
    """The derivative of one output by each input, in reverse mode."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def result(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
            return tape.gradient(y, x, unconnected_gradients="zero")

        return result
    if BACKEND == "jax":
        import jax

        return jax.grad(function)
    import torch

    return torch.func.grad(function)


def jacobian(function: Function) -> Function:
    """The derivative of each output by each input, in reverse mode; of the result again: second derivatives."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def result(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
            return tape.jacobian(y, x, unconnected_gradients="zero")

        return result
    if BACKEND == "jax":
        import jax

        return jax.jacrev(function)
    import torch

    return torch.func.jacrev(function)


def forward_jacobian(function: Function) -> Function:
    """The same in forward mode."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def result(x: Any) -> Any:
            columns = []
            for direction in tf.eye(x.shape[0], dtype=x.dtype):
                with tf.autodiff.ForwardAccumulator(x, direction) as accumulator:
                    y = function(x)
                columns.append(accumulator.jvp(y, unconnected_gradients="zero"))
            return tf.stack(columns, axis=-1)

        return result
    if BACKEND == "jax":
        import jax

        return jax.jacfwd(function)
    import torch

    return torch.func.jacfwd(function)


def mapped(function: Function) -> Function:
    """The function over the first axis of its input."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return lambda x: tf.vectorized_map(function, x, fallback_to_while_loop=False)
    if BACKEND == "jax":
        import jax

        return jax.vmap(function)
    import torch

    return torch.func.vmap(function)


def compiled(function: Function, trace_only: bool = False) -> Function:
    """The function as one compiled graph; or on PyTorch one that is traced and differentiated, but not compiled."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    if BACKEND == "jax":
        import jax

        return jax.jit(function)
    import torch

    torch._dynamo.reset()  # it gives up after eight functions from the same lines
    return torch.compile(function, fullgraph=True, backend="aot_eager" if trace_only else "inductor")


def compiled_gradient(function: Function, trace_only: bool = False) -> Function:
    """The derivative of one output by each input, forward and backward pass compiled."""
    if BACKEND != "torch":
        return compiled(gradient(function))
    import torch

    def result(x: Any) -> Any:
        x = x.detach().requires_grad_(True)
        return torch.autograd.grad(compiled(function, trace_only)(x), x)[0]

    return result
