"""What do the activations cost, ours and Keras's, forward and backward?

    python tests/benchmarks/cost.py [--floats 8e6] [--rounds 7] [NAME …]

prints a Markdown table for the backend in use: for each function that Keras has too, the ratio of ours to Keras's, and
both medians. One call is f and its gradient on normal inputs in float32: on TensorFlow eagerly, in a graph (as `fit`
runs) and in a graph that XLA compiles, on JAX compiled, on PyTorch eagerly. The two libraries take turns, so that
whatever else the machine does meets both. NAME restricts the table.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from precision import machine

import keras_acts as ka

Function = Callable[[Any], Any]

ARGUMENTS: dict[str, dict[str, Any]] = {"threshold": {"threshold": 0.5, "default_value": 0.0}}
"""What a function needs besides its input."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    shared = [name for name in ka.names() if hasattr(keras.activations, name)]
    parser.add_argument("names", nargs="*", metavar="NAME", help="functions to time; all that Keras has if none")
    parser.add_argument("--floats", type=float, default=8e6, help="how many numbers a call takes")
    parser.add_argument("--rounds", type=int, default=7, help="how often each side is timed")
    options = parser.parse_args()
    if unknown := set(options.names) - set(shared):
        parser.error(f"not in both libraries: {', '.join(sorted(unknown))}")
    x = np.random.default_rng(0).normal(size=(int(options.floats) // 1000, 1000)).astype("float32")
    print(f"{machine()}; {options.floats:.0e} floats, medians of {options.rounds}.\n")
    head = ["function", *(f"{mode}: ours / Keras | ours, ms | Keras, ms" for mode in with_gradient(ops.sin))]
    print(f"| {' | '.join(head)} |\n|{' --- |' * (3 * len(head) - 2)}")
    for name in options.names or shared:
        functions = (getattr(ka, name), getattr(keras.activations, name))
        sides = [with_gradient(functools.partial(f, **ARGUMENTS.get(name, {}))) for f in functions]
        cells = [f"`{name}`"]
        for mode in sides[0]:
            ours, theirs = medians_s([side[mode] for side in sides], ops.convert_to_tensor(x), options.rounds)
            cells += [f"{ours / theirs:.2f}", f"{1e3 * ours:.0f}", f"{1e3 * theirs:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def with_gradient(function: Function) -> dict[str, Function]:
    """The function that computes f and its gradient, and waits for both, in each way that the backend has to run it."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            def both(x: Any) -> Any:
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = function(x)
                return y, tape.gradient(y, x)  # without a sum: of ones, as all activations get something from above

            return {
                "eager": both,
                "graph": tf.function(both, autograph=False),
                "XLA": tf.function(both, autograph=False, jit_compile=True),
            }
        case "jax":
            import jax

            @jax.jit
            def both_at_once(x: Any) -> Any:
                y, pull = jax.vjp(function, x)
                return y, pull(ops.ones_like(y))

            return {"compiled": lambda x: jax.block_until_ready(both_at_once(x))}
        case _:
            import torch

            def in_turn(x: Any) -> Any:
                x = x.detach().requires_grad_(True)
                y = function(x)
                return y, torch.autograd.grad(y, x, torch.ones_like(y))

            return {"eager": in_turn}


def medians_s(functions: list[Function], x: Any, rounds: int) -> list[float]:
    """Median seconds of each function, called in turns after a first call that does not count."""
    taken: list[list[float]] = [[] for _ in functions]
    for number in range(rounds + 1):
        for function, seconds in zip(functions, taken, strict=True):
            started = time.perf_counter()
            function(x)
            if number:
                seconds.append(time.perf_counter() - started)
    return [statistics.median(seconds) for seconds in taken]


if __name__ == "__main__":
    main()
