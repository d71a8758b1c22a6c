"""The core: what a declaration says, what a layer makes of it, how it is found, and what is refused."""

import math
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import keras_acts as ka
from keras_acts import ACTIVATIONS, Activation, Bounded, Param, Spec


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_public_names_are_the_registrys_layers_and_functions() -> None:
    for cls in ACTIVATIONS.values():
        assert getattr(ka, cls.__name__) is cls
        if cls.spec.function is not None:
            assert getattr(ka, cls.spec.name) is cls.spec.function


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_declaration_is_complete(name: str) -> None:
    cls = ACTIVATIONS[name]
    spec = cls.spec
    assert spec.name == name
    assert spec.formula
    assert spec.source
    assert spec.range[0] < spec.range[1]
    assert spec.function is None or spec.function.__name__ == name
    keras.initializers.get(spec.initializer)
    layer_arguments = set(ka.get(name, **arguments_of(name)).get_config())
    assert set(spec.params) <= layer_arguments
    for param in spec.params.values():
        if param.search:
            low, high = (param.check(name, "search", end) for end in param.search)
            assert low < high
            assert low > 0 or not param.log
    assert cls.__doc__
    assert spec.function is None or spec.function.__doc__


def arguments_of(name: str) -> dict[str, Any]:
    from layers import ARGUMENTS

    return ARGUMENTS.get(name, {})


def test_spec_without_function_needs_a_name() -> None:
    with pytest.raises(ValueError, match="`Spec` needs a `function`, or the `name` of a layer without one"):
        Spec(formula="x", range=(0, 1), monotone=True, smoothness=0, source="")


# Param


@pytest.mark.parametrize(
    ("param", "value", "error", "message"),
    [
        (Param(above=0.0), -1, ValueError, "`Snake` needs `alpha` above 0. Received: alpha=-1.0"),
        (Param(above=0.0), 0.0, ValueError, "`Snake` needs `alpha` above 0. Received: alpha=0.0"),
        (Param(at_least=0.1), 0.05, ValueError, "`Snake` needs `alpha` of at least 0.1. Received: alpha=0.05"),
        (Param(at_most=2.0), 3.0, ValueError, "`Snake` needs `alpha` of at most 2. Received: alpha=3.0"),
        (Param(), math.nan, ValueError, "`Snake` needs `alpha` to be finite. Received: alpha=nan"),
        (Param(), math.inf, ValueError, "`Snake` needs `alpha` to be finite. Received: alpha=inf"),
        (Param(), "big", TypeError, "`Snake` needs `alpha` to be a number. Received: alpha='big'"),
        (Param(), True, TypeError, "`Snake` needs `alpha` to be a number. Received: alpha=True"),
        (Param(), None, TypeError, "`Snake` needs `alpha` to be a number. Received: alpha=None"),
        (Param(row=True), 1.0, TypeError, "`Snake` needs `alpha` to be a sequence of numbers. Received: alpha=1.0"),
        (Param(row=True), [1.0, "a"], TypeError, "`Snake` needs `alpha` to be a number. Received: alpha='a'"),
        (Param(row=True, above=0.0), [1, -1], ValueError, "`Snake` needs `alpha` above 0. Received: alpha=-1.0"),
        (Param(), [1.0, 2.0], TypeError, "`Snake` needs `alpha` to be a number. Received: alpha=[1.0, 2.0]"),
    ],
)
def test_param_refuses(param: Param, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        param.check("Snake", "alpha", value)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2.0), np.array(2.0), np.int64(2)])
def test_param_takes_any_kind_of_number(value: Any) -> None:
    got = Param(above=0.0).check("Snake", "alpha", value)
    assert got == 2.0
    assert type(got) is float


def test_open_bound_is_kept_off_when_learned() -> None:
    assert Param(above=0.0).minimum > 0.0
    assert (Param(at_least=0.1).minimum, Param().minimum) == (0.1, -math.inf)
    assert (Param(at_most=2.0).maximum, Param().maximum) == (2.0, math.inf)


# Activation


def test_per_is_refused_where_there_is_nothing_to_learn() -> None:
    message = "`Mish` needs no `per`: it has no parameters. Received: per='layer'"
    with pytest.raises(ValueError, match=re.escape(message)):
        ka.Mish(per="layer")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"alpha": -1},
            ValueError,
            "`Snake` needs `alpha` above 0. Received: alpha=-1.0",
        ),
        (
            {"learn": ("alhpa",)},
            ValueError,
            "`Snake` needs `learn` to name its parameters: the nearest names are 'alpha'. Received: learn='alhpa'",
        ),
        (
            {"per": "unit"},
            ValueError,
            "`Snake` needs `per` to be 'channel', 'layer' or a number of groups. Received: per='unit'",
        ),
        (
            {"per": {"beta": "layer"}},
            ValueError,
            "`Snake` needs `per` to name its parameters: known names are 'alpha'. Received: per='beta'",
        ),
        (
            {"per": 0},
            ValueError,
            "`Snake` needs `per` to be 'channel', 'layer' or a number of groups. Received: per=0",
        ),
        ({"axis": 1.5}, TypeError, "`Snake` needs `axis` to be an integer. Received: axis=1.5"),
        ({"axis": True}, TypeError, "`Snake` needs `axis` to be an integer. Received: axis=True"),
        ({"channels": 0}, ValueError, "`Snake` needs `channels` of at least 1. Received: channels=0"),
        ({"channels": "8"}, TypeError, "`Snake` needs `channels` to be an integer. Received: channels='8'"),
        (
            {"regularizers": "l2"},
            TypeError,
            "`Snake` needs `regularizers` to be a dict by parameter name. Received: regularizers='l2'",
        ),
        (
            {"constraints": {"beta": "non_neg"}},
            ValueError,
            "`Snake` needs `constraints` to name its parameters: known names are 'alpha'. Received: constraints='beta'",
        ),
    ],
)
def test_layer_refuses_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        ka.Snake(**arguments)
    assert str(caught.value) == message


def test_layer_without_parameters_says_so() -> None:
    with pytest.raises(ValueError, match="`Mish` needs `learn` to name its parameters: it has none"):
        ka.Mish(learn=("alpha",))


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"axis": 3}, (2, 4), "`Snake` needs `axis` to be an axis of its input other than the batch axis. Received: a"),
        ({"axis": 0}, (2, 4), "other than the batch axis. Received: axis=0, input_shape=(2, 4)"),
        ({"axis": -2}, (2, 4), "other than the batch axis. Received: axis=-2, input_shape=(2, 4)"),
        ({"channels": 3}, (2, 4), "`Snake` needs as many channels as `channels` says. Received: channels=3, input_"),
        (
            {"per": 3},
            (2, 4),
            "`Snake` needs a channel count that is a multiple of the groups in `per`. Received: per=3, channels=4",
        ),
        ({}, (2, None), "give the input a size on axis -1, or use per='layer'. Received: input_shape=(2, None)"),
    ],
)
def test_layer_refuses_an_input_without_its_channels(
    arguments: dict[str, Any], shape: tuple[int | None, ...], message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        ka.Snake(**arguments).build(shape)
    assert message in str(caught.value)


def test_built_layer_refuses_another_number_of_channels() -> None:
    layer = ka.Snake()
    layer(numbers(2, 4))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 4"):
        layer(numbers(2, 5))


def test_parameter_is_fixed_or_learned_for_the_layer_or_for_each_channel() -> None:
    x = numbers(2, 3, 4)
    fixed, shared, each, first = (
        ka.Snake(2.0, learn=()),
        ka.Snake(2.0, per="layer"),
        ka.Snake(2.0),
        ka.Snake(2.0, axis=1),
    )
    for layer, shapes in ((fixed, []), (shared, [()]), (each, [(4,)]), (first, [(3,)])):
        np.testing.assert_allclose(
            ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(ka.snake(x, 2.0)), rtol=1e-6, atol=1e-6
        )
        assert [tuple(w.shape) for w in layer.trainable_weights] == shapes
    assert (fixed.learned, each.learned) == ((), ("alpha",))
    assert isinstance(fixed.alpha, float)


def test_channel_parameters_follow_their_channels() -> None:
    x, slopes = numbers(2, 3, 4), np.array([0.0, 1.0, 2.0], "float32")
    layer = ka.PReLU(axis=1, channels=3)
    layer.alpha.assign(slopes)
    want = np.where(x >= 0, x, slopes[:, None] * x)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), want, rtol=1e-6)


@pytest.mark.parametrize("axis", [1, -1])
def test_groups_of_channels_share_a_parameter(axis: int) -> None:
    x = numbers(2, 4, 4)
    layer, each = ka.PReLU(axis=axis, per=2), ka.PReLU(axis=axis, channels=4)
    layer.alpha.assign([1.0, 2.0])
    each.alpha.assign([1.0, 1.0, 2.0, 2.0])
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(each(x)))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_parameters_keep_their_digits_where_inputs_have_16_bits(dtype: str) -> None:
    layer = ka.PReLU(alpha=1.001, per="layer", dtype=dtype)
    short = dtype.removeprefix("mixed_")
    x = ops.cast(np.array([-1000.0], "float32"), short)
    want = ops.cast(ops.cast(x, "float32") * 1.001, short)
    got, want = (ops.convert_to_numpy(ops.cast(y, "float32")) for y in (layer(x), want))
    np.testing.assert_array_equal(got, want)


def test_weights_exist_as_early_as_they_can() -> None:
    assert [tuple(w.shape) for w in ka.Snake(per=3).weights] == [(3,)]
    assert [tuple(w.shape) for w in ka.Rational().weights] == [(6,), (4,)]
    assert [tuple(w.shape) for w in ka.APL(channels=3).weights] == [(3, 2), (3, 2)]
    assert [tuple(w.shape) for w in ka.Maxout(5, channels=3).weights] == [(2, 3, 5), (2, 5)]
    assert [tuple(w.shape) for w in ka.GLUDense(5, channels=3).weights] == [(3, 10), (10,)]
    assert [w.name for w in ka.Snake(per="layer").weights] == ["alpha"]
    assert [tuple(w.shape) for w in ka.Snake(channels=3).weights] == [(3,)]
    assert ka.Snake().weights == []


def test_learn_takes_one_name_or_several() -> None:
    assert ka.Snake(learn="alpha").learned == ka.Snake(learn=["alpha"]).learned == ("alpha",)


def test_frozen_layer_has_no_trainable_weights() -> None:
    layer = ka.Snake(channels=2, trainable=False)
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (0, 1)


def test_initializer_overrides_the_value() -> None:
    layer = ka.Snake(1.0, channels=3, initializers={"alpha": keras.initializers.Constant(3.0)})
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.alpha), [3.0, 3.0, 3.0])


# Bounded


def test_bounded_clips_what_its_inner_constraint_leaves() -> None:
    constraint = Bounded(0.0, 1.0, "unit_norm")
    np.testing.assert_allclose(ops.convert_to_numpy(constraint(np.array([-3.0, 4.0], "float32"))), [0.0, 0.8])
    again = keras.constraints.deserialize(keras.constraints.serialize(constraint))
    assert (again.minimum, again.maximum) == (0.0, 1.0)
    assert isinstance(again.inner, keras.constraints.UnitNorm)


# Functions


@pytest.mark.parametrize("x", [1.5, [1.5, -2.0], (1.5,), True])
def test_function_takes_numbers_and_lists(x: Any) -> None:
    y = ka.relu(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"


@pytest.mark.parametrize("name", [name for name, cls in ACTIVATIONS.items() if cls.spec.function])
def test_function_refuses_integer_tensors(name: str) -> None:
    with pytest.raises(TypeError, match=f"`{name}` needs a floating-point tensor: cast it first. Received: dtype=int"):
        ACTIVATIONS[name].spec.function(np.arange(8).reshape(1, 8))  # type: ignore[misc]


def test_function_is_saved_and_pickled_under_its_own_name() -> None:
    assert pickle.loads(pickle.dumps(ka.softplus)) is ka.softplus
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation=ka.softplus)])
    again = pickle.loads(pickle.dumps(model))
    assert again.layers[-1].activation is ka.softplus


def test_function_is_a_node_of_a_functional_model() -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, ka.leaky_relu(inputs, negative_slope=0.5))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(ops.convert_to_numpy(again(-np.ones((1, 3), "float32"))), [[-0.5] * 3])


def test_parameters_of_a_function_may_be_computed_by_other_layers(tmp_path: Path) -> None:
    x, alpha = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([x, alpha], [ka.snake(x, alpha), ka.celu(ka.snake(x, alpha=alpha), alpha=2.0)])
    data = [np.linspace(-2, 2, 8, dtype="float32").reshape(2, 4), np.full((2, 4), 0.5, "float32")]
    model.save(tmp_path / "model.keras")
    for one in (model, keras.saving.load_model(tmp_path / "model.keras"), keras.models.clone_model(model)):
        first, second = one(data)
        want = ka.snake(data[0], alpha=0.5)
        np.testing.assert_allclose(ops.convert_to_numpy(first), ops.convert_to_numpy(want), rtol=1e-6)
        np.testing.assert_allclose(ops.convert_to_numpy(second), ops.convert_to_numpy(ka.celu(want, 2.0)), rtol=1e-6)


def test_saved_function_of_another_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match=r"in the catalogue; the nearest names are 'relu'.* Received: name='relus'"):
        type(ka.relu).from_config({"name": "relus"})


# Finding


def test_get_makes_a_fresh_layer_by_name_class_or_alias() -> None:
    assert isinstance(ka.get("snake"), ka.Snake)
    assert ka.get("snake") is not ka.get("snake")
    assert isinstance(ka.get("LeakyReLU"), ka.LeakyReLU)
    assert ka.get("leaky_relu", negative_slope=0.1).negative_slope == 0.1
    for name, cls in ACTIVATIONS.items():
        for alias in cls.spec.aliases:
            assert type(ka.get(alias, **arguments_of(name))) is cls


def test_get_takes_configs_and_callables() -> None:
    layer = ka.Snake(3.0, per="layer")
    again = ka.get(keras.saving.serialize_keras_object(layer))
    assert isinstance(again, ka.Snake)
    assert again.get_config() == layer.get_config()
    assert ka.get(ka.relu) is ka.relu
    assert ka.get(layer) is layer


@pytest.mark.parametrize(
    ("identifier", "arguments", "error", "message"),
    [
        ("snek", {}, ValueError, "No activation has this name; the nearest names are 's"),
        (
            "zzz",
            {},
            ValueError,
            f"No activation has this name; none of the {len(ka.ACTIVATIONS)} known names looks like",
        ),
        (3, {}, TypeError, "`get` needs a name, a saved config or a callable. Received: identifier=3"),
        (None, {}, TypeError, "`get` needs a name, a saved config or a callable. Received: identifier=None"),
        (len, {"alpha": 1}, TypeError, "`get` takes arguments only with a name. Received: identifier="),
    ],
)
def test_get_refuses(identifier: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        ka.get(identifier, **arguments)
    assert str(caught.value).startswith(message)


def test_names_are_filtered_by_facts() -> None:
    assert ka.names() == list(ACTIVATIONS)
    assert {"relu", "prelu"} <= set(ka.names(family="rectified"))
    assert "prelu" in ka.names(learned=True)
    assert "relu" not in ka.names(smooth=True)
    assert "mish" not in ka.names(monotone=True)
    assert "softmax" in ka.names(role="output", elementwise=False)
    both = set(ka.names(learned=True)), set(ka.names(learned=False))
    assert both[0] | both[1] == set(ACTIVATIONS)
    assert not both[0] & both[1]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"family": "rectifed"}, "`names` knows no such family; the nearest names are 'rectified'"),
        ({"role": "input"}, "`names` knows no such role; "),
    ],
)
def test_names_refuses_what_is_no_fact(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        ka.names(**asked)
    assert str(caught.value).startswith(message)


# Adding one's own


@pytest.fixture
def own() -> Iterator[type[Activation]]:
    def ripple(x: Any, height: Any = 0.5) -> Any:
        """A ripple."""
        return x + height * ops.sin(x)

    class Ripple(Activation):
        spec = Spec(
            function=ripple,
            formula=r"x + h \sin x",
            params={"height": Param(at_least=0.0)},
            range=(-math.inf, math.inf),
            monotone=True,
            smoothness=math.inf,
            source="this test",
        )

        def __init__(self, height: float = 0.5, *, learn: Any = ("height",), **kwargs: Any) -> None:
            super().__init__({"height": height}, learn=learn, **kwargs)

    yield Ripple
    del ACTIVATIONS["ripple"]


def test_own_activation_joins_the_catalogue_and_keeps_the_promises(own: type[Activation]) -> None:
    from layers import Subject
    from promises import PROMISES

    assert type(ka.get("ripple")) is own
    assert "ripple" in ka.names(learned=True)
    for check in PROMISES.values():
        check(Subject(own))


def test_taken_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"The name 'relu' is taken by keras_acts._rectified.ReLU; choose another"):

        class Other(Activation):
            spec = Spec(name="relu", formula="x", range=(0, 1), monotone=True, smoothness=0, source="")

    assert ACTIVATIONS["relu"] is ka.ReLU
