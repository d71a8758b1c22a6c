"""The one module that speaks to a backend directly, for what `keras.ops` cannot say.

`keras.ops.custom_gradient` breaks forward mode and Hessians on JAX, and `vmap` and
`torch.func` on PyTorch. `with_derivative` uses what each backend offers instead, so that
every transformation of the backend goes on working.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
from keras import ops

from keras_acts._errors import received

Tensor: TypeAlias = Any
"""A tensor of whichever backend Keras runs on (none of them can be named without importing it)."""

Unary: TypeAlias = Callable[[Tensor], Tensor]


def with_derivative(derivative: Unary) -> Callable[[Unary], Unary]:
    """Decorate a function of one tensor with a derivative of its own.

    For functions whose automatic derivative loses digits. The decorated function can be
    differentiated as often as `derivative` itself can, in forward and in reverse mode.

    Args:
        derivative: Function of the same tensor: the elementwise derivative.
    """

    def decorate(value: Unary) -> Unary:
        attach = _ATTACH[keras.backend.backend()]
        return functools.wraps(value)(attach(value, derivative))

    return decorate


def erfc(x: Tensor) -> Tensor:
    """The complementary error function, which `keras.ops` lacks."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return tf.math.erfc(x)
        case "jax":
            import jax

            return jax.scipy.special.erfc(x)
        case _:
            import torch

            return torch.special.erfc(x)


def elementwise_derivative(function: Unary, x: Tensor) -> Tensor:
    """The derivative of an elementwise `function` at each entry of `x`, by the backend's own automatic differentiation.

    Raises:
        NotImplementedError: The backend does not differentiate.
    """
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
            return tape.gradient(y, x, unconnected_gradients="zero")
        case "jax":
            import jax

            return jax.grad(lambda x: ops.sum(function(x)))(x)
        case "torch":
            import torch

            x = x.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(ops.sum(function(x)), x, allow_unused=True, materialize_grads=True)
            return gradient
        case backend:
            raise NotImplementedError(received("A derivative needs TensorFlow, JAX or PyTorch", backend=backend))


def _attach_tensorflow(value: Unary, derivative: Unary) -> Unary:
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
    def function(x: Tensor) -> tuple[Tensor, Unary]:
        return value(x), lambda upstream: upstream * derivative(x)

    return function  # type: ignore[no-any-return, unused-ignore]


def _attach_jax(value: Unary, derivative: Unary) -> Unary:
    import jax

    function = jax.custom_jvp(value)
    function.defjvps(lambda tangent, _, x: tangent * derivative(x))
    return function


def _attach_torch(value: Unary, derivative: Unary) -> Unary:
    import torch

    class Reverse(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Tensor) -> Tensor:
            return value(x)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, *upstream: Tensor) -> Tensor:
            return upstream[0] * derivative(*ctx.saved_tensors)

    class ReverseAndForward(Reverse):
        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
            return tangents[0] * derivative(*ctx.saved_tensors)

    def function(x: Tensor) -> Tensor:
        # torch.compile refuses a Function with a forward mode of its own.
        chosen = Reverse if torch.compiler.is_compiling() else ReverseAndForward
        return chosen.apply(x)  # type: ignore[no-untyped-call]

    return function


def _attach_nothing(value: Unary, derivative: Unary) -> Unary:
    return value


_ATTACH: dict[str, Callable[[Unary, Unary], Unary]] = {
    "tensorflow": _attach_tensorflow,
    "jax": _attach_jax,
    "torch": _attach_torch,
    "numpy": _attach_nothing,
    "openvino": _attach_nothing,
}


def to_floating(x: Any, *, name: str) -> Tensor:
    """`x` as a floating-point tensor: numbers and lists become `floatx`, tensors keep their type."""
    if isinstance(x, (bool, int, float, list, tuple)):
        return ops.convert_to_tensor(x, dtype=keras.config.floatx())
    x = ops.convert_to_tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    if "float" not in dtype:
        raise TypeError(f"`{name}` needs a floating-point tensor: cast it first. Received: dtype={dtype}")
    return x
