"""The one module that speaks to a backend directly, for what `keras.ops` cannot say.

`keras.ops.custom_gradient` breaks forward mode and Hessians on JAX, and `vmap` and
`torch.func` on PyTorch. `with_derivative` uses what each backend offers instead, so that
every transformation of the backend goes on working.
"""

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
from keras import ops

from keras_acts._errors import received

Tensor: TypeAlias = Any
"""A tensor of whichever backend Keras runs on (none of them can be named without importing it)."""

Unary: TypeAlias = Callable[[Tensor], Tensor]

Function: TypeAlias = Callable[..., Tensor]

Attached: TypeAlias = Callable[..., Tensor]
"""Takes, before the tensors, which of them may vary: nothing is differentiated by the others."""


def with_derivative(*derivatives: Function) -> Callable[[Function], Function]:
    """Decorate a function of tensors with derivatives of its own, one for each of its arguments.

    For functions whose automatic derivative loses digits. The decorated function can be
    differentiated as often as `derivatives` themselves can, in forward and in reverse mode. The
    arguments after the first may be numbers, which nothing is differentiated by, or tensors that
    broadcast to the first. The functions get tensors, those of numbers without axes.

    Args:
        *derivatives: Functions of the same arguments: the elementwise partial derivatives.
    """

    def decorate(value: Function) -> Function:
        attached = _ATTACH[keras.backend.backend()](value, derivatives)

        @functools.wraps(value)
        def function(x: Tensor, *others: Any) -> Tensor:
            if len(others) != len(derivatives) - 1:
                raise TypeError(f"`{value.__name__}` takes {len(derivatives)} tensors by position")
            varies = [True, *(not isinstance(other, (int, float)) for other in others)]
            tensors = [x, *(ops.convert_to_tensor(other, x.dtype) for other in others)]
            if any(varies[1:]):
                shape = ops.shape(x)
                tensors = [ops.broadcast_to(t, shape) if v else t for t, v in zip(tensors, varies, strict=True)]
            return attached(varies, *tensors)

        return function

    return decorate


def native(name: str) -> Function:
    """The function `keras.ops` calls `name`, in float64 too: some of Keras's own make that float32 on JAX."""
    if keras.backend.backend() != "jax":
        return getattr(ops, name)  # type: ignore[no-any-return]
    import jax

    return getattr(jax.numpy, name)  # type: ignore[no-any-return]


def at_least(x: Tensor, low: float) -> Tensor:
    """`max(x, low)`, for use within a derivative of its own: the slopes at `low` differ by backend."""
    # `keras.ops.maximum` makes float64 float32 on PyTorch.
    return ops.clip(x, low, math.inf) if keras.backend.backend() == "torch" else ops.maximum(x, low)


def at_most(x: Tensor, high: float) -> Tensor:
    """`min(x, high)`, likewise."""
    return ops.clip(x, -math.inf, high) if keras.backend.backend() == "torch" else ops.minimum(x, high)


def larger(x: Tensor, y: Tensor) -> Tensor:
    """The larger of two tensors, element by element, likewise."""
    return ops.where(x > y, x, y) if keras.backend.backend() == "torch" else ops.maximum(x, y)


def largest(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The largest entries along axes, which stay as axes of size 1. An empty batch has none, and that is right."""
    if keras.backend.backend() == "torch":
        return ops.amax(x, axis=axes, keepdims=True)  # torch.compile refuses `keras.ops.max`
    return ops.max(x, axis=axes, keepdims=True, initial=-math.inf)


def keras_mask(x: Tensor) -> Tensor | None:
    """The mask that Keras hands on with a tensor, if there is one."""
    from keras.src.backend import get_keras_mask  # private: nothing public tells of it

    return get_keras_mask(x)


def compiled_by_torch() -> bool:
    """Whether `torch.compile` is at work, which computes some functions by formulas of its own."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return torch.compiler.is_compiling()


MISSING = {
    "keras.src.export.onnx": {"erfc", "expm1", "log1p"},
    "keras.src.export.litert": {"arctan", "erf", "erfc"},
    "tensorflow.lite.python.lite": {"arctan", "erf", "erfc"},
}
"""The functions that a format lacks, by the module that exports to it."""


def export_lacks(function: str) -> bool:
    """Whether a graph is being made for a format that has no such function.

    Nothing tells a layer that it is exported, so its callers are looked through; but only while a graph is made.
    """
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            at_work = tf.inside_function()
        case "torch":
            import torch

            at_work = not torch.compiler.is_compiling() and torch.onnx.is_in_onnx_export()
        case _:
            at_work = False
    frame = inspect.currentframe() if at_work else None
    while frame is not None and function not in MISSING.get(frame.f_globals.get("__name__", ""), ()):
        frame = frame.f_back
    return frame is not None


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


def plain_arctan(x: Tensor) -> Tensor:
    """The backend's arc tangent, in float64 too; LiteRT has that of a quotient only."""
    return ops.arctan2(x, ops.ones_like(x)) if export_lacks("arctan") else native("arctan")(x)


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


def compiled(function: Function) -> Function:
    """`function` as a graph that is traced once for each structure of its arguments; PyTorch runs it as it is."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return tf.function(function, autograph=False)  # type: ignore[no-any-return]
        case "jax":
            import jax

            return jax.jit(function)
        case _:
            return function


def gradients_within(run: Callable[[Unary], tuple[Tensor, Any]]) -> tuple[Any, list[Tensor]]:
    """The gradients of a number with regard to tensors met while it is computed.

    Args:
        run: Computes the number, and whatever else is wanted. It is given a function, hands each
            tensor in question to it, and goes on with what that returns.

    Returns:
        What `run` returned beside the number, and a gradient for each tensor, in their order.

    Raises:
        NotImplementedError: The backend does not differentiate.
    """
    match keras.backend.backend():
        case "tensorflow":
            return _gradients_within_tensorflow(run)
        case "jax":
            return _gradients_within_jax(run)
        case "torch":
            return _gradients_within_torch(run)
        case backend:
            raise NotImplementedError(received("A derivative needs TensorFlow, JAX or PyTorch", backend=backend))


def _gradients_within_tensorflow(run: Callable[[Unary], tuple[Tensor, Any]]) -> tuple[Any, list[Tensor]]:
    import tensorflow as tf

    tensors: list[Tensor] = []
    with tf.GradientTape() as tape:

        def watch(x: Tensor) -> Tensor:
            tape.watch(x)
            tensors.append(x)
            return x

        number, rest = run(watch)
    return rest, tape.gradient(number, tensors, unconnected_gradients="zero")


def _gradients_within_jax(run: Callable[[Unary], tuple[Tensor, Any]]) -> tuple[Any, list[Tensor]]:
    import jax

    # JAX differentiates by arguments: a zero added to each tensor is one. A first run finds their shapes.
    like: list[tuple[Any, Any]] = []

    def note(x: Tensor) -> Tensor:
        like.append((x.shape, x.dtype))
        return x

    jax.eval_shape(lambda: run(note)[0])

    def shifted(shifts: list[Tensor]) -> tuple[Tensor, Any]:
        left = iter(shifts)
        return run(lambda x: x + next(left))

    gradients, rest = jax.grad(shifted, has_aux=True)([jax.numpy.zeros(*each) for each in like])
    return rest, gradients


def _gradients_within_torch(run: Callable[[Unary], tuple[Tensor, Any]]) -> tuple[Any, list[Tensor]]:
    import torch

    tensors: list[Tensor] = []

    def watch(x: Tensor) -> Tensor:
        tensors.append(x if x.requires_grad else x.detach().requires_grad_(True))  # the latter where all is frozen
        return tensors[-1]

    with torch.enable_grad():
        number, rest = run(watch)
    return rest, list(torch.autograd.grad(number, tensors, allow_unused=True, materialize_grads=True))


def _attach_tensorflow(value: Function, derivatives: tuple[Function, ...]) -> Attached:
    import tensorflow as tf

    def attach(value: Function, derivatives: tuple[Function, ...]) -> Function:
        @tf.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
        def function(*tensors: Tensor) -> tuple[Tensor, Unary]:
            # Stopped, or the tape would keep every step of `value` alive.
            result = value(*map(tf.stop_gradient, tensors))
            return result, lambda upstream: [upstream * derivative(*tensors) for derivative in derivatives]

        return function  # type: ignore[no-any-return]

    of_all = attach(value, derivatives)

    def attached(varies: Sequence[bool], *tensors: Tensor) -> Tensor:
        # A `tf.Variable` (a learned parameter) would have to be handed its gradient apart; its value need not.
        tensors = tuple(map(tf.convert_to_tensor, tensors))
        if all(varies):
            return of_all(*tensors)

        def with_numbers(function: Function) -> Function:
            def of_varying(*varying: Tensor) -> Tensor:
                left = iter(varying)
                return function(*(next(left) if v else number for v, number in zip(varies, tensors, strict=True)))

            return of_varying

        needed = itertools.compress(derivatives, varies)
        of_varying = attach(with_numbers(value), tuple(map(with_numbers, needed)))
        return of_varying(*itertools.compress(tensors, varies))

    return attached


def _attach_jax(value: Function, derivatives: tuple[Function, ...]) -> Attached:
    import jax

    def rule(derivative: Function) -> Function:
        return lambda tangent, _, *tensors: tangent * derivative(*tensors)

    function = jax.custom_jvp(value)
    function.defjvps(*(rule(derivative) for derivative in derivatives))
    return lambda varies, *tensors: function(*tensors)


# By number, because torch.compile cannot follow a Function from one's closure into another.
_DERIVATIVES: dict[int, tuple[Function, ...]] = {}


def _attach_torch(value: Function, derivatives: tuple[Function, ...]) -> Attached:
    import torch

    key = len(_DERIVATIVES)
    _DERIVATIVES[key] = derivatives

    class Reverse(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        @functools.wraps(value)  # torch.compile counts the parameters
        def forward(*tensors: Tensor) -> Tensor:
            return value(*tensors)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, *upstream: Tensor) -> Any:
            tensors = ctx.saved_tensors
            needed = zip(ctx.needs_input_grad, _DERIVATIVES[key], strict=True)
            return tuple(upstream[0] * derivative(*tensors) if need else None for need, derivative in needed)

    class ReverseAndForward(Reverse):
        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
            tensors = ctx.saved_tensors
            pairs = zip(tangents, _DERIVATIVES[key], strict=True)
            return sum(tangent * derivative(*tensors) for tangent, derivative in pairs if tangent is not None)

    def attached(varies: Sequence[bool], *tensors: Tensor) -> Tensor:
        if torch.compiler.is_compiling():  # it refuses a Function with a forward mode of its own
            return Reverse.apply(*tensors)  # type: ignore[no-untyped-call]
        if torch.onnx.is_in_onnx_export():  # which cannot look into a Function
            return value(*tensors)
        return ReverseAndForward.apply(*tensors)  # type: ignore[no-untyped-call]

    return attached


def _attach_nothing(value: Function, derivatives: tuple[Function, ...]) -> Attached:
    return lambda varies, *tensors: value(*tensors)


_ATTACH: dict[str, Callable[[Function, tuple[Function, ...]], Attached]] = {
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
