"""Every activation of the registry against the reference values, on the backend in use.

`reference/README.md` defines the bound and its factor `k`; `oracle.py` gives values that the table lacks.
"""

import functools
import inspect
import math
import zlib
from collections.abc import Iterator
from typing import Any

import judge
import numpy as np
import oracle
import pytest
from keras import ops

import keras_acts as ka
from keras_acts._lookup import defaults

ELEMENTWISE = {
    name: cls.spec.function for name, cls in ka.ACTIVATIONS.items() if cls.spec.elementwise and cls.spec.function
}
Setting = tuple[str, tuple[tuple[str, Any], ...]]


def setting_id(setting: Setting) -> str:
    return "-".join([setting[0], *(f"{k}={v:g}" for k, v in setting[1])])


# The settings judged: the table's, and others at points of their own


TABLE: dict[Setting, judge.Case] = {}
for _case in judge.cases():
    _name, _params = oracle.of(_case)
    if _name in ELEMENTWISE:
        TABLE[_name, tuple(_params.items())] = _case


def other_settings() -> Iterator[Setting]:
    for name in ELEMENTWISE:
        yield name, ()
        for parameter, param in ka.ACTIVATIONS[name].spec.params.items():
            for value in param.search or ():
                yield name, ((parameter, float(np.float32(value))),)
        for setting in oracle.MORE_SETTINGS.get(name, ()):
            yield name, tuple(setting.items())


OTHERS = list(dict.fromkeys(other_settings()))


@functools.cache
def sample(setting: Setting) -> judge.Case:
    """Reference values at points of the setting's own, none of them a point of the table."""
    name, params = setting
    random = np.random.default_rng(zlib.crc32(setting_id(setting).encode()))
    magnitudes = 10 ** random.uniform(-6, 4, 16)
    x = np.concatenate([random.uniform(-8, 8, 24), magnitudes[:8], -magnitudes[8:]]).astype("float32").astype("float64")
    values = [[float(value) for value in oracle.at(name, at, 2, **dict(params))] for at in x]
    return judge.Case(name, params, x, *np.array(values).T)


def bind(setting: Setting) -> functools.partial[Any]:
    name, params = setting
    return functools.partial(ELEMENTWISE[name], **dict(params))


def assert_within(
    case: judge.Case, got: list[np.ndarray], limits: tuple[float, ...], dtype: str, tiny: float | None = None
) -> None:
    want = [case.f, case.df, case.d2f]
    for order, limit in enumerate(limits):
        k = judge.factor(got[order], want[order], want[order + 1], case.x, dtype, tiny)
        assert k.max() <= limit, f"{'f' + order * chr(39)}: {judge.worst(k, case.x)}, {limit} allowed"


# Values and derivatives


@pytest.mark.parametrize("setting", TABLE, ids=setting_id)
def test_float32_value_and_derivatives_are_the_tables(setting: Setting) -> None:
    case = TABLE[setting]
    got = judge.derivatives(bind(setting), case.x, "float32", order=2)
    assert_within(case, got, (4, 8), "float32")
    assert np.isfinite(got[2][np.abs(case.d2f) < judge.LARGEST["float32"]]).all()
    # The terms of a product's second derivative may each be flushed to 0: four times the smallest number.
    tiny = 4.0 * judge.TINY["float32"]
    k = judge.factor(got[2], case.d2f, 0.0, case.x, "float32", tiny)
    for at in np.flatnonzero(k > 64):  # the third derivative is worth its price only where the bound needs it
        third = float(oracle.at(setting[0], case.x[at], 3, **dict(setting[1]))[3])
        k[at] = judge.factor(got[2][at], case.d2f[at], third, case.x[at], "float32", tiny)
    assert k.max() <= 64, f"f'': {judge.worst(k, case.x)}, 64 allowed"


@pytest.mark.parametrize("setting", OTHERS, ids=setting_id)
def test_float32_value_and_derivative_are_right_at_other_points_and_parameters(setting: Setting) -> None:
    case = sample(setting)
    assert_within(case, judge.derivatives(bind(setting), case.x, "float32", order=1), (4, 8), "float32")


@pytest.mark.parametrize("setting", TABLE, ids=setting_id)
def test_float64_value_and_derivative_are_the_tables(setting: Setting) -> None:
    case = TABLE[setting]
    got = judge.derivatives(bind(setting), case.x, "float64", order=1)
    # Below float32's least number the table's own derivatives have no digits left.
    assert_within(case, got, (16, 32), "float64", tiny=judge.TINY["float32"])


@functools.cache
def compiled(family: str) -> dict[Setting, list[np.ndarray] | Exception]:
    """f and f' at the table's points and the kinks of a family, compiled as one graph (one each if that fails)."""
    settings = [setting for setting in TABLE if ka.ACTIVATIONS[setting[0]].__module__ == family]
    try:
        return dict(zip(settings, _compiled_together(settings), strict=True))
    except Exception:
        alone: dict[Setting, list[np.ndarray] | Exception] = {}
        for setting in settings:
            try:
                alone[setting] = _compiled_together([setting])[0]
            except Exception as error:
                alone[setting] = error
        return alone


def _compiled_together(settings: list[Setting]) -> list[list[np.ndarray]]:
    functions = [bind(setting) for setting in settings]
    points = [np.concatenate([TABLE[setting].x, kinks(setting)]) for setting in settings]
    longest = max(len(x) for x in points)
    rows = np.stack([np.pad(x, (0, longest - len(x)), mode="edge") for x in points])

    def all_of_them(x: Any) -> Any:
        return ops.stack([function(x[row]) for row, function in enumerate(functions)])

    f, df = judge.derivatives(all_of_them, rows, "float32", order=1, compiled=True)
    return [[f[row, : len(x)], df[row, : len(x)]] for row, x in enumerate(points)]


@pytest.mark.parametrize("setting", TABLE, ids=setting_id)
def test_compiled_value_and_derivative_are_the_tables(setting: Setting) -> None:
    got = compiled(ka.ACTIVATIONS[setting[0]].__module__)[setting]
    if isinstance(got, Exception):
        raise got
    case = TABLE[setting]
    assert_within(case, [values[: len(case.x)] for values in got], (4, 8), "float32")
    assert_one_sided(setting, got[1][len(case.x) :])


# Kinks


def kinks(setting: Setting) -> np.ndarray:
    """Where f or f' jumps at a number of float32, as far as the oracle lists it: at the defaults."""
    name, params = setting
    return np.array([x for x in oracle.KINKS.get(name, ()) if float(np.float32(x)) == x and not params], "float64")


def assert_one_sided(setting: Setting, got: np.ndarray) -> None:
    """The derivatives at the kinks are those of the sides that the oracle names."""
    name, _ = setting
    for x, df in zip(kinks(setting), got, strict=True):
        want = oracle.at(name, x, 2, side=oracle.KINKS[name][x])
        k = judge.factor(df, float(want[1]), float(want[2]), x, "float32")
        assert k <= 8, f"f'({x:g}) = {df:g}, not {float(want[1]):g}"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_derivative_at_a_kink_is_the_one_agreed_upon(name: str) -> None:
    jumps = judge.jumps(lambda x: judge.derivatives(ELEMENTWISE[name], x, "float64", order=1), judge.AROUND_ZERO)
    found = sorted({x for one in jumps for x in one})
    np.testing.assert_allclose(
        found, sorted(oracle.KINKS.get(name, ())), rtol=1e-6, atol=1e-9, err_msg="oracle.KINKS lists others"
    )
    at = kinks((name, ()))
    if len(at):
        assert_one_sided((name, ()), judge.derivatives(ELEMENTWISE[name], at, "float32", order=1)[1])


# Half precision: all the numbers there are


@functools.cache
def every_number(dtype: str) -> np.ndarray:
    """All 65,536 values of a 16-bit type, in float64; bfloat16 is the upper half of float32."""
    bits = np.arange(2**16, dtype="uint16")
    with np.errstate(invalid="ignore"):  # a NaN may be a signalling one
        short = bits.view("float16") if dtype == "float16" else (bits.astype("uint32") << 16).view("float32")
        x = short.astype("float64")
    return np.where(np.isnan(x), np.nan, x)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    "setting", [*TABLE, *((name, ()) for name in ELEMENTWISE if (name, ()) not in TABLE)], ids=setting_id
)
def test_16_bit_values_are_right_at_every_input(setting: Setting, dtype: str) -> None:
    x = every_number(dtype)
    (got,) = judge.derivatives(bind(setting), x, dtype, order=0)
    assert not np.isnan(got[np.isfinite(x)]).any()
    number = np.isfinite(x) & ((np.abs(x) >= judge.TINY[dtype]) | (x == 0))  # a subnormal one may count as 0
    f, df = judge.derivatives(bind(setting), x[number], "float64", order=1)
    # An argument scaled on its way in may be flushed to 0, which costs the slope times as much.
    tiny = judge.TINY[dtype] * (1.0 + np.abs(df))
    k = judge.factor(got[number], f, df, x[number], dtype, tiny)
    assert k.max() <= 2, f"{judge.worst(k, x[number])}, 2 allowed"
    assert np.isnan(got[np.isnan(x)]).all()
    for side in (-1, 1):
        limit = oracle.limit(setting[0], side, **dict(setting[1]))
        if limit is not None:
            at_infinity = got[x == side * math.inf]
            assert judge.factor(at_infinity, limit, 0.0, 0.0, dtype).max() <= 2, f"f({side}·inf) is {at_infinity}"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_float32_has_the_limits_at_infinity_and_nan_for_nan_alone(name: str) -> None:
    x = every_number("bfloat16")
    got = judge.derivatives(ELEMENTWISE[name], x, "float32", order=2)
    assert np.isnan(got[0][np.isnan(x)]).all()
    for order, values in enumerate(got):
        wrong = np.isnan(values) & np.isfinite(x)
        assert not wrong.any(), f"{'f' + order * chr(39)}: NaN at {x[wrong][:5]}"
    for side in (-1, 1):
        limit = oracle.limit(name, side)
        if limit is not None:
            at_infinity = got[0][x == side * math.inf]
            assert judge.factor(at_infinity, limit, 0.0, 0.0, "float32").max() <= 4, f"f({side}·inf) is {at_infinity}"


@pytest.mark.parametrize("setting", dict.fromkeys([*TABLE, *OTHERS]), ids=setting_id)
def test_derivative_at_infinity_is_its_limit(setting: Setting) -> None:
    name, params = setting
    limits = [oracle.limit(name, side, 1, **dict(params)) for side in (-1, 1)]
    rounded = max((abs(value) for _, value in params), default=0.0)  # the parameters are, on their way in
    tensors = {parameter: ops.convert_to_tensor([value]) for parameter, value in params if parameter in learnable(name)}
    for function in (bind(setting), functools.partial(bind(setting), **tensors)):  # fixed, and as if learned
        got = judge.derivatives(function, np.array([-math.inf, math.inf]), "float32", order=1)[1]
        for df, limit in zip(got, limits, strict=True):
            assert limit is None or judge.factor(df, limit, 1.0, rounded, "float32") <= 8, f"{got}, not {limits}"
        ends = np.array([-1.0, 1.0]) * np.finfo("float32").max
        assert not np.isnan(judge.derivatives(function, ends, "float32", order=1)[1]).any()


def learnable(name: str) -> dict[str, Any]:
    return ka.ACTIVATIONS[name].spec.params


# Defaults

LAYER_DEFAULTS_THAT_DIFFER = {("leaky_relu", "negative_slope"): 0.3}
"""As in Keras, whose layer and function differ here; both docstrings say so."""


@pytest.mark.parametrize("name", [name for name, cls in ka.ACTIVATIONS.items() if cls.spec.function])
def test_layer_has_the_defaults_of_its_function(name: str) -> None:
    cls = ka.ACTIVATIONS[name]
    function = inspect.signature(cls.spec.function).parameters
    for argument, default in defaults(cls).items():
        if argument in function:
            assert default == LAYER_DEFAULTS_THAT_DIFFER.get((name, argument), function[argument].default), argument
