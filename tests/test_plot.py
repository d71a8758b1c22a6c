"""What `ka.plot` draws, and what it refuses."""

import sys

import keras
import matplotlib as mpl
import numpy as np
import pytest
from keras import ops

import keras_acts as ka
from keras_acts._backend import elementwise_derivative

mpl.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


def curve(line):
    """The line's points without the gaps at its jumps."""
    x, y = line.get_data()
    return np.array(x)[~np.isnan(y)], np.array(y)[~np.isnan(y)]


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "snake"])
def test_both_curves_are_the_function_and_its_derivative(name):
    value, slope, _ = ka.plot(name, x=(-3, 4)).lines[2:]
    x, y = curve(value)
    assert (x[0], x[-1]) == (-3, 4)
    np.testing.assert_allclose(y, ops.convert_to_numpy(ka.get(name)(x[:, None]))[:, 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(curve(slope)[1], np.gradient(y, x, edge_order=2), atol=1e-3)


def test_the_derivative_is_elementwise_and_zero_where_nothing_depends_on_x():
    x = ops.convert_to_tensor([-1.0, 0.5, 3.0])
    np.testing.assert_allclose(elementwise_derivative(lambda x: x * x, x), [-2.0, 1.0, 6.0], rtol=1e-6)
    np.testing.assert_allclose(elementwise_derivative(lambda x: 0.0 * ops.stop_gradient(x) + 0.0 * x, x), [0, 0, 0])


def test_a_line_is_broken_at_a_jump_and_only_there():
    value, slope, _ = ka.plot("relu").lines[2:]
    assert not np.isnan(value.get_ydata()).any()
    gap = np.flatnonzero(np.isnan(slope.get_ydata()))
    assert len(gap) == 1
    assert abs(slope.get_xdata()[gap[0] - 1]) < 0.02
    assert not np.isnan(ka.plot("tanh").lines[3].get_ydata()).any()


def test_without_derivative_one_line_is_drawn():
    axes = ka.plot("mish", derivative=False)
    assert labels(axes) == ["mish"]
    assert len(axes.lines) == 3  # the two lines through 0, and f


def test_a_family_has_one_curve_a_value_each_at_its_value():
    axes = ka.plot("leaky_relu", over="negative_slope", values=(0.1, 0.5), derivative=False)
    assert labels(axes) == ["negative_slope = 0.1", "negative_slope = 0.5"]
    for line, slope in zip(axes.lines[2:], (0.1, 0.5), strict=True):
        assert curve(line)[1][0] == pytest.approx(-5 * slope)


def test_a_family_spans_the_search_interval_by_default():
    assert labels(ka.plot("snake", over="alpha", derivative=False)) == [
        f"alpha = {value}" for value in ("0.1", "0.316", "1", "3.16", "10")
    ]


def test_a_family_may_be_over_an_argument_that_is_not_learned():
    assert labels(ka.plot("sum_of_sigmoids", over="n", values=(2, 5), derivative=False)) == ["n = 2", "n = 5"]


@pytest.mark.parametrize(("axis", "shape"), [(-1, (None, 3)), (1, (None, 3, 4, 4)), (-3, (None, 3, 4, 4))])
def test_a_trained_layer_shows_each_channels_curve(axis, shape):
    layer = ka.PReLU(axis=axis)
    layer.build(shape)
    layer.alpha.assign([0.0, 0.1, 0.4])
    lines = ka.plot(layer, derivative=False).lines[2:]
    assert sorted(curve(line)[1][0] for line in lines) == pytest.approx([-2.0, -0.5, 0.0])


def test_many_channels_are_sampled_from_the_least_to_the_greatest():
    layer = ka.PReLU(channels=300)
    layer.alpha.assign(np.linspace(0.0, 1.0, 300))
    lines = ka.plot(layer, derivative=False).lines[2:]
    lowest = [curve(line)[1][0] for line in lines]
    assert len(lines) == 24
    assert (min(lowest), max(lowest)) == pytest.approx((-5.0, 0.0))


def test_drawing_a_fresh_layer_does_not_settle_its_channel_count():
    layer = ka.Snake()
    ka.plot(layer)
    assert layer(np.ones((2, 7), "float32")).shape == (2, 7)


def test_a_layer_with_its_own_precision_and_a_plain_function_can_be_drawn():
    assert labels(ka.plot(ka.GELU(dtype="mixed_bfloat16"))) == ["gelu", "derivative"]
    assert labels(ka.plot(keras.ops.tanh)) == ["tanh", "derivative"]


def test_axes_of_the_user_are_drawn_on_and_named_once():
    _, mine = plt.subplots()
    assert ka.plot("relu", ax=mine) is mine
    ka.plot("gelu", ax=mine)
    assert sorted(labels(mine)) == ["derivative", "gelu", "relu"]
    assert len(mine.lines) == 5


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (ValueError, "the lesser first. Received: x=\\(1, -1\\)", {"x": (1, -1)}),
        (ValueError, "the lesser first. Received: x=\\(0, inf\\)", {"x": (0, np.inf)}),
        (ValueError, "needs `over` to name an argument of `Snake`: .*'alpha'. Received: over='alpa'", {"over": "alpa"}),
        (ValueError, "takes `values` only with `over`. Received: values=\\(1,\\)", {"values": (1,)}),
        (ValueError, "at least one value. Received: values=\\(\\)", {"over": "alpha", "values": ()}),
        (ValueError, "`Snake` needs `alpha` above 0. Received: alpha=-1", {"over": "alpha", "values": (-1.0,)}),
        (ValueError, "an elementwise activation.* Received: activation='softmax'", {"activation": "softmax"}),
        (ValueError, "needs `values`, as `n` has no", {"activation": "sum_of_sigmoids", "over": "n"}),
        (TypeError, "takes `over` only with a name or a layer", {"activation": np.sin, "over": "alpha"}),
        (ValueError, "No activation has this name; .*'snake'", {"activation": "snaek"}),
        (TypeError, "needs a name, a saved config or a callable. Received: identifier=3", {"activation": 3}),
    ],
)
def test_what_cannot_be_drawn_is_refused(error, message, arguments):
    with pytest.raises(error, match=message):
        ka.plot(**{"activation": "snake"} | arguments)


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match='pip install "keras-acts\\[plot\\]"'):
        ka.plot("relu")
