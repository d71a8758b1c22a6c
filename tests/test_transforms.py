"""What a backend can do to a function of tensors, it can do to every elementwise activation, and rightly.

Each transformation of the backend in use gives the derivative of some order at a few points, which is held
to the oracle's. (`jit_compile`, `jax.jit` and `torch.compile` are in `test_catalogue.py`.)
"""

import functools
from collections.abc import Callable
from typing import Any

import judge
import keras
import numpy as np
import oracle
import pytest
from keras import ops
from mpmath import mp, mpf

import keras_acts as ka

BACKEND = keras.backend.backend()
ELEMENTWISE = {
    name: cls.spec.function for name, cls in ka.ACTIVATIONS.items() if cls.spec.elementwise and cls.spec.function
}
PARAMETERS = [(name, parameter) for name in ELEMENTWISE for parameter in ka.ACTIVATIONS[name].spec.params]
POINTS = np.array([-3.25, -0.6875, 0.3125, 1.3125, 2.625])
"""None of them a kink of any function."""

Function = Callable[[Any], Any]
Transformation = Callable[[Function, Any], Any]
TRANSFORMATIONS: dict[str, tuple[int, Transformation]] = {}
"""By name: the order of the derivative, and what gives it elementwise at many points."""


def transformation(order: int) -> Callable[[Transformation], Transformation]:
    def add(function: Transformation) -> Transformation:
        TRANSFORMATIONS[function.__name__] = (order, function)
        return function

    return add


if BACKEND == "tensorflow":
    import tensorflow as tf

    def slope(f: Function) -> Function:
        def result(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = f(x)
            return tape.gradient(y, x, unconnected_gradients="zero")

        return result

    @transformation(2)
    def nested_gradient_tape(f: Function, x: Any) -> Any:
        return slope(slope(f))(x)

    @transformation(2)
    def nested_gradient_tape_in_a_graph(f: Function, x: Any) -> Any:
        return tf.function(slope(slope(f)))(x)

    @transformation(0)
    def vectorized_map(f: Function, x: Any) -> Any:
        return tf.vectorized_map(f, x, fallback_to_while_loop=False)

    @transformation(1)
    def vectorized_map_of_gradient_tape(f: Function, x: Any) -> Any:
        return tf.vectorized_map(slope(f), x, fallback_to_while_loop=False)

    def forward(f: Function) -> Function:
        def result(x: Any) -> Any:
            with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
                y = f(x)
            return accumulator.jvp(y, unconnected_gradients="zero")

        return result

    @transformation(1)
    def forward_accumulator(f: Function, x: Any) -> Any:
        return forward(f)(x)

    @transformation(2)
    def forward_accumulator_of_gradient_tape(f: Function, x: Any) -> Any:
        return forward(slope(f))(x)

elif BACKEND == "jax":
    import jax

    @transformation(1)
    def jvp(f: Function, x: Any) -> Any:
        return jax.jvp(f, (x,), (ops.ones_like(x),))[1]

    @transformation(2)
    def hessian(f: Function, x: Any) -> Any:
        return ops.diagonal(jax.hessian(lambda x: f(x).sum())(x))

    @transformation(2)
    def reverse_over_reverse(f: Function, x: Any) -> Any:
        return jax.vmap(jax.grad(jax.grad(f)))(x)

    @transformation(0)
    def vmap(f: Function, x: Any) -> Any:
        return jax.vmap(f)(x)

    @transformation(1)
    def vmap_of_grad(f: Function, x: Any) -> Any:
        return jax.vmap(jax.grad(f))(x)

else:
    import torch

    @transformation(1)
    def vmap_of_grad(f: Function, x: Any) -> Any:
        return torch.func.vmap(torch.func.grad(f))(x)

    @transformation(2)
    def vmap_of_grad_of_grad(f: Function, x: Any) -> Any:
        return torch.func.vmap(torch.func.grad(torch.func.grad(f)))(x)

    @transformation(0)
    def vmap(f: Function, x: Any) -> Any:
        return torch.func.vmap(f)(x)

    @transformation(1)
    def jvp(f: Function, x: Any) -> Any:
        return torch.func.jvp(f, (x,), (torch.ones_like(x),))[1]

    @transformation(2)
    def hessian(f: Function, x: Any) -> Any:
        return torch.diagonal(torch.func.hessian(lambda x: f(x).sum())(x))

    @transformation(2)
    def backward_twice(f: Function, x: Any) -> Any:
        x = x.detach().requires_grad_(True)
        (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
        if not first.requires_grad:
            return torch.zeros_like(x)
        return torch.autograd.grad(first.sum(), x, materialize_grads=True)[0]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_transformation_gives_the_derivative(transformation: str, name: str) -> None:
    order, transform = TRANSFORMATIONS[transformation]
    got = ops.convert_to_numpy(transform(ELEMENTWISE[name], ops.convert_to_tensor(POINTS, "float32")))
    want = wanted(name)
    k = judge.factor(got, want[order], want[order + 1], POINTS, "float32")
    assert k.max() <= 64, judge.worst(k, POINTS)


@functools.cache
def wanted(name: str) -> np.ndarray:
    return np.array([[float(value) for value in oracle.at(name, x, 3)] for x in POINTS]).T


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_transformation_gives_the_derivative_by_a_parameter(transformation: str, name: str, parameter: str) -> None:
    order, transform = TRANSFORMATIONS[transformation]
    values = parameter_values(name, parameter)
    for x in POINTS[1:3]:
        at = ops.convert_to_tensor(np.float32(x))

        def by_parameter(value: Any, at: Any = at) -> Any:
            # One x for each value, so that nothing is summed over when the values are many.
            return ELEMENTWISE[name](at + ops.zeros_like(value), **{parameter: value})

        got = ops.convert_to_numpy(transform(by_parameter, ops.convert_to_tensor(values)))
        want = by_parameter_wanted(name, parameter, float(x))[order]
        # Relative to the largest: by a parameter there is no bound of the catalogue's to hold to.
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * (1 + np.abs(want).max()))


def parameter_values(name: str, parameter: str) -> np.ndarray:
    """A few values within the interval of search, or about the default."""
    low, high = ka.ACTIVATIONS[name].spec.params[parameter].search or (0.5, 2.0)
    return np.array([low + part * (high - low) for part in (0.1875, 0.4375, 0.8125)], "float32")


@functools.cache
def by_parameter_wanted(name: str, parameter: str, x: float) -> list[np.ndarray]:
    def f(value: Any) -> Any:
        return mpf(oracle.FORMULAS[name](mpf(x), **{parameter: value}))

    values = [mpf(float(value)) for value in parameter_values(name, parameter)]
    return [
        np.array([float(mp.diff(f, value, order) if order else f(value)) for value in values]) for order in range(3)
    ]
