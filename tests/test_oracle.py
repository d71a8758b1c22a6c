"""The oracle itself: it agrees with the reference table, and misses nothing that is to be judged."""

import inspect

import judge
import oracle
import pytest

import keras_acts as ka


@pytest.mark.parametrize("case", judge.cases(), ids=str)
def test_oracle_agrees_with_the_reference_table(case: judge.Case) -> None:
    name, params = oracle.of(case)
    for x, *want in zip(case.x, case.f, case.df, case.d2f, strict=True):
        got = [float(value) for value in oracle.at(name, x, 3, **params)]
        for order in range(3):
            scale = judge.EPSILON["float64"] * (abs(want[order]) + abs(x * got[order + 1]))
            # 1e-40: a difference quotient's own error, far below the least number float32 has.
            assert abs(got[order] - want[order]) <= 2 * scale + 1e-40, f"derivative {order} at {x}"


def test_each_elementwise_activation_has_an_oracle_with_its_defaults() -> None:
    elementwise = {cls.spec.name: cls.spec.function for cls in ka.ACTIVATIONS.values() if cls.spec.elementwise}
    missing = [name for name, function in elementwise.items() if function and name not in oracle.FORMULAS]
    assert not missing, f"tests/oracle.py needs a formula for {missing}"
    for name, function in elementwise.items():
        if function:
            theirs = {p.name: p.default for p in inspect.signature(oracle.FORMULAS[name]).parameters.values()}
            ours = {p.name: p.default for p in inspect.signature(function).parameters.values()}
            assert {k: ours[k] for k in theirs} == theirs, name
