"""The health of a network: what its activations let through, forward and backward, measured on a few examples."""

import contextlib
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from keras import ops, tree

from keras_acts._backend import Tensor, Unary, compiled, elementwise_derivative, gradients_within
from keras_acts._errors import received
from keras_acts._function import _Applied
from keras_acts._layer import Activation, checked_integer
from keras_acts._lookup import is_elementwise

FLAT = 0.01
"""An activation is saturated where its slope is below this share of its greatest one (our choice)."""

DYING = 0.5
"""A layer is dying from this share of dead units on: that of Amazon SageMaker Debugger's rule DeadRelu."""

SATURATING = 0.5
"""A layer is saturating from this share of saturated outputs on: that of the Debugger's rule SaturatedActivation."""

VANISHING = 1e-3
"""A gradient vanishes where it is below this share of the last hidden layer's (our choice: the layer then
learns a thousand times more slowly under plain gradient descent)."""

EXPLODING = 1e3
"""A gradient explodes where it is above this multiple of the last hidden layer's (our choice, as above)."""

Kind: TypeAlias = Literal["dying", "saturating", "vanishing", "exploding"]

_KERAS_LAYERS = tuple(getattr(keras.layers, name) for name in ("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"))
# What these hold runs within a loop of the backend, out of which no tensor may be taken.
_LOOPING = (keras.layers.RNN, keras.layers.TimeDistributed)


@dataclass(frozen=True)
class LayerHealth:
    """What an activation did on the probe.

    Args:
        dead: Share of units (channels) whose output and slope are 0 for every example; the output
            alone decides where an activation mixes units.
        saturated: Share of outputs where the slope is below 1 % of its greatest between −5 and 5.
            Zeros of a function with a flat part at 0 (`relu`) are sparse instead. `None` where an
            activation mixes units.
        sparsity: Share of outputs that are 0.
        mean: Mean of the outputs.
        variance: Variance of the outputs.
        gradient_norm: Euclidean norm of the loss's gradient with regard to the outputs, over the
            whole probe. `None` without targets, and for the model's own outputs (that depends on the
            loss, and where the backend takes a shortcut from the loss to the logits, there is none).
        gradient_factor: That norm over the norm of the next layer in the order of the computation:
            what going backward multiplies it by. `None` for the last hidden layer as well.
    """

    dead: float
    saturated: float | None
    sparsity: float
    mean: float
    variance: float
    gradient_norm: float | None
    gradient_factor: float | None


@dataclass(frozen=True)
class Finding:
    """Something that keeps a layer from learning; as a string, a sentence.

    Args:
        kind: `"dying"`, `"saturating"`, `"vanishing"` or `"exploding"`.
        layer: The layer's name.
        value: What was measured; infinite where that is not finite.
        threshold: From where on it is a finding.
    """

    kind: Kind
    layer: str
    value: float
    threshold: float

    def __str__(self) -> str:
        if math.isinf(self.value):
            return f"{self.layer} gives numbers that are not finite, or gets such a gradient"
        return _SENTENCES[self.kind].format(**asdict(self))


_SENTENCES: dict[Kind, str] = {
    "dying": "{layer} is dying: {value:.0%} of its units are 0 for every example and get no gradient"
    " (threshold {threshold:.0%})",
    "saturating": "{layer} is saturating: at {value:.0%} of its outputs the slope is next to nothing"
    " (threshold {threshold:.0%})",
    "vanishing": "the gradient is vanishing at {layer}: {value:.1e} of that at the last hidden layer"
    " (threshold {threshold:g})",
    "exploding": "the gradient is exploding at {layer}: {value:.1e} times that at the last hidden layer"
    " (threshold {threshold:g})",
}


@dataclass(frozen=True, repr=False)
class Health:
    """The health of a network; prints as a table.

    Args:
        layers: What each activation did, by layer name, in the order in which they ran.
        findings: What is wrong, if anything.
        unseen: Layers with activations that could not be looked at: recurrent ones, those within
            `TimeDistributed`, and those that did not run.
    """

    layers: dict[str, LayerHealth]
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON: `layers`, `findings` (each with its sentence as `words`) and `unseen`.

        A number that is not finite becomes `None`.
        """
        return {
            "layers": {name: _finite(asdict(layer)) for name, layer in self.layers.items()},
            "findings": [_finite({**asdict(finding), "words": str(finding)}) for finding in self.findings],
            "unseen": list(self.unseen),
        }

    def __str__(self) -> str:
        head = ["layer", "dead", "saturated", "zeros", "mean", "variance", "gradient", "factor"]
        rows = [
            [
                name,
                *map(_percent, (layer.dead, layer.saturated, layer.sparsity)),
                *map(_number, (layer.mean, layer.variance, layer.gradient_norm, layer.gradient_factor)),
            ]
            for name, layer in self.layers.items()
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in [head, *rows]]
        lines += map(str, self.findings) if self.findings else ["Nothing found."]
        if self.unseen:
            lines.append("Not looked at: " + ", ".join(self.unseen))
        return "\n".join(lines)

    __repr__ = __str__


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def inspect(model: keras.Model, x: Any, y: Any = None) -> Health:
    """Measure what the activations of a model do on a few examples, and say what is wrong.

    Looked at are the layers of this library, Keras's activation layers and the `activation=` of
    other layers, at any depth. A function that a layer calls within its own code is not seen.
    The model runs as in inference, and is left as it was.

    Args:
        model: A Keras model.
        x: Inputs, as for `fit`. They go through the model at once: some hundred examples will do.
        y: Targets, as for `fit`, for what is said of gradients. The model must then be compiled.

    Returns:
        Dead and saturated shares, sparsity, mean, variance and gradients by layer, and findings:
        `"dying"` from half of the units dead on, `"saturating"` from half of the outputs saturated
        on (both thresholds those of Amazon SageMaker Debugger's rules), `"vanishing"` and
        `"exploding"` where the gradient is below a thousandth or above the thousandfold of the last
        hidden layer's (our choice).

    Raises:
        TypeError: `x` or `y` holds something else than arrays.
        ValueError: `y` is given and the model is not compiled, or there are no examples.

    Example:
    >>> low = keras.initializers.Constant(-9)
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "relu", bias_initializer=low, name="first")])
    >>> print(inspect(model, np.ones((8, 2))).findings[0])
    first is dying: 100% of its units are 0 for every example and get no gradient (threshold 50%)
    """
    return Inspector(model)(x, y)


class Inspector:
    """`inspect` for one model, whatever its weights are when it is called.

    Args:
        model: A Keras model whose layers stay what they are.
        traced: Whether it runs as a graph, which costs about a second at the first call and saves a
            tenth at each later one. Defaults to `False`; JAX, which would compile operation by
            operation, always makes a graph.
    """

    def __init__(self, model: keras.Model, *, traced: bool = False) -> None:
        self._model = model
        traced = traced or keras.backend.backend() == "jax"
        self._calls: list[_Call] = []
        self._run = compiled(self._measure) if traced else self._measure

    def __call__(self, x: Any, y: Any = None) -> Health:
        """The model's health on the examples `x`; see `inspect`."""
        model = self._model
        x, y = _tensors("x", x), _tensors("y", y)
        if y is not None and not model.compiled:
            raise ValueError(received("`inspect` needs a compiled model where `y` is given", model=model.name))
        if not self._calls:
            self._rehearse(_first(x, 1), _first(y, 1))
        # JAX takes the variables' values from its arguments, the others from the variables themselves.
        values = [v.value for v in self._variables] if keras.backend.backend() == "jax" else []
        statistics, norms = self._run(values, x, y)
        measured = [[float(number) for number in ops.convert_to_numpy(row)] for row in statistics]
        gradients = None if norms is None else [float(ops.convert_to_numpy(norm)) for norm in norms]
        return _health(self._calls, measured, gradients, {site.name for site in _sites(model)})

    @property
    def _variables(self) -> list[Any]:
        optimizer = getattr(self._model, "optimizer", None)
        return [*self._model.variables, *(optimizer.variables if optimizer is not None else ())]

    def _rehearse(self, x: Any, y: Any) -> None:
        """Let layers and loss make the variables that they make when they are first used."""
        outputs = _predict(self._model, x)
        if y is not None:
            with keras.StatelessScope():
                self._model.compute_loss(x=x, y=y, y_pred=outputs, training=False)

    def _measure(self, values: list[Tensor], x: Any, y: Any) -> tuple[list[Tensor], list[Tensor] | None]:
        def scope() -> Any:
            # Whatever layers and losses write to variables (metrics, seeds) is dropped with the scope.
            return keras.StatelessScope(state_mapping=list(zip(self._variables, values, strict=True)) if values else [])

        def run(watch: Unary) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
            self._calls = []
            tensors: list[tuple[Tensor, Tensor]] = []
            with scope():
                with _tapped(self._model, self._calls, tensors, watch):
                    outputs = _predict(self._model, x)
                loss = None
                if y is not None:
                    loss = scale * self._model.compute_loss(x=x, y=y, y_pred=outputs, training=False)
            for call, (_, activated) in zip(self._calls, tensors, strict=True):
                call.is_output = any(activated is output for output in tree.flatten(outputs))
            return loss, tensors

        norms = None
        if y is None:
            tensors = run(lambda tensor: tensor)[1]
        else:
            with scope():
                # As in training: the gradients of 16-bit networks are too small to be numbers unless scaled.
                scale = self._model.optimizer.scale_loss(ops.ones(()))
            tensors, gradients = gradients_within(run)
            norms = [_norm(gradient) / scale for gradient in gradients]
        with scope():
            statistics = [_statistics(call, *pair) for call, pair in zip(self._calls, tensors, strict=True)]
        return statistics, norms


@dataclass(frozen=True)
class _Site:
    """Where a model applies an activation: what `owner` holds under `attribute`."""

    name: str
    owner: Any
    attribute: Literal["call", "activation"]


@dataclass
class _Call:
    """One use of a site, in the order of the computation."""

    site: _Site
    function: Unary
    elementwise: bool
    is_output: bool = False


def _sites(model: keras.Model) -> Iterator[_Site]:
    """The activations of a model that can be looked at or that should have been."""
    seen: set[int] = set()

    def walk(layer: Any, prefix: str) -> Iterator[_Site]:
        applied = [part for part in getattr(layer, "operations", ()) if isinstance(part, _Applied)]
        for part in [*layer._flatten_layers(include_self=False, recursive=False), *applied]:
            if id(part) in seen:
                continue
            seen.add(id(part))
            name = prefix + (part._function.__name__ if isinstance(part, _Applied) else part.name)
            if isinstance(part, (Activation, _Applied, *_LOOPING, *_KERAS_LAYERS)):
                yield _Site(name, part, "call")
                continue
            function = vars(part).get("activation")
            plain = callable(function) and not isinstance(function, keras.layers.Layer)
            if plain and function is not keras.activations.linear:
                yield _Site(name, part, "activation")
            yield from walk(part, f"{name}/")

    return walk(model, "")


@contextlib.contextmanager
def _tapped(
    model: keras.Model, calls: list[_Call], tensors: list[tuple[Tensor, Tensor]], watch: Unary
) -> Iterator[None]:
    """Note what goes in and out of each site of `model` while it runs."""

    def tap(site: _Site, original: Callable[..., Tensor]) -> Callable[..., Tensor]:
        elementwise = is_elementwise(_activation(site))

        def function(inputs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            outputs = watch(original(inputs, *args, **kwargs))
            alone = not any(map(ops.is_tensor, tree.flatten((args, kwargs))))  # else its shape changes with the example
            calls.append(_Call(site, lambda z: original(z, *args, **kwargs), elementwise and alone))
            tensors.append((inputs, outputs))
            return outputs

        return function

    with contextlib.ExitStack() as undo:
        for site in list(_sites(model)):
            if not isinstance(site.owner, _LOOPING):
                own = vars(site.owner)  # past Keras, which would track what is set
                if site.attribute in own:
                    undo.callback(own.__setitem__, site.attribute, own[site.attribute])
                else:
                    undo.callback(own.__delitem__, site.attribute)
                own[site.attribute] = tap(site, getattr(site.owner, site.attribute))
        yield


def _activation(site: _Site) -> Any:
    """The layer or function that a site applies."""
    if isinstance(site.owner, _Applied):
        return site.owner._function
    return site.owner if site.attribute == "call" else site.owner.activation


def _predict(model: keras.Model, x: Any) -> Any:
    return model(x, training=False) if model._call_has_training_arg else model(x)


def _statistics(call: _Call, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Dead share, saturated share (NaN where there is none), sparsity, mean and variance."""
    outputs = ops.cast(ops.stop_gradient(outputs), "float32")
    zero = outputs == 0
    silent, saturated = zero, math.nan
    if call.elementwise:
        inputs = ops.cast(ops.stop_gradient(inputs), "float32")
        # Learned parameters may give each unit a curve of its own.
        grid = np.linspace(-5.0, 5.0, 33, dtype="float32").reshape(33, *[1] * (len(inputs.shape) - 1))
        grid = ops.broadcast_to(ops.convert_to_tensor(grid), (33, *ops.shape(inputs)[1:]))
        slopes = ops.abs(elementwise_derivative(call.function, ops.concatenate([grid, inputs])))
        grid_slope, slope = slopes[:33], slopes[33:]
        rests_at_zero = ops.any((call.function(grid) == 0) & (grid_slope == 0), axis=0)
        flat = slope < FLAT * ops.max(grid_slope, axis=0)
        saturated = ops.mean(ops.cast(flat & ~(zero & rests_at_zero), "float32"))
        silent = zero & (slope == 0)
    channel = _channel_axis(call.site.owner, len(outputs.shape))
    dead = ops.all(silent, axis=tuple(axis for axis in range(len(outputs.shape)) if axis != channel))
    shares = [ops.mean(ops.cast(share, "float32")) for share in (dead, zero)]
    return ops.stack(
        [shares[0], ops.convert_to_tensor(saturated, "float32"), shares[1], ops.mean(outputs), ops.var(outputs)]
    )


def _channel_axis(owner: Any, rank: int) -> int:
    if isinstance(owner, Activation):
        return owner._axis % rank
    layout = getattr(owner, "data_format", keras.config.image_data_format())
    return 1 if rank > 3 and layout == "channels_first" else rank - 1


def _norm(tensor: Tensor) -> Tensor:
    """The Euclidean norm, also where squares are too small or too large for a number."""
    tensor = ops.cast(tensor, "float32")
    largest = ops.max(ops.abs(tensor))
    scale = ops.where(largest > 0, largest, 1.0)
    return scale * ops.sqrt(ops.sum(ops.square(tensor / scale)))


def _health(calls: list[_Call], statistics: list[list[float]], norms: list[float] | None, names: set[str]) -> Health:
    hidden = [place for place, call in enumerate(calls) if not call.is_output]
    factors: dict[int, float] = {}
    shares: dict[int, float] = {}
    if norms is not None:
        factors = {here: _ratio(norms[here], norms[after]) for here, after in itertools.pairwise(hidden)}
        shares = {place: _ratio(norms[place], norms[hidden[-1]]) for place in hidden}
    layers: dict[str, LayerHealth] = {}
    findings: list[Finding] = []
    for place, (call, (dead, saturated, sparsity, mean, variance)) in enumerate(zip(calls, statistics, strict=True)):
        name = _unused(call.site.name, layers)
        layers[name] = LayerHealth(
            dead=dead,
            saturated=saturated if call.elementwise else None,
            sparsity=sparsity,
            mean=mean,
            variance=variance,
            gradient_norm=norms[place] if norms is not None and not call.is_output else None,
            gradient_factor=factors.get(place),
        )
        share = shares.get(place, 1.0)
        if not all(map(math.isfinite, (mean, variance, share))):
            share = math.inf
        if dead >= DYING:
            findings.append(Finding("dying", name, dead, DYING))
        if call.elementwise and saturated >= SATURATING:
            findings.append(Finding("saturating", name, saturated, SATURATING))
        if share < VANISHING:
            findings.append(Finding("vanishing", name, share, VANISHING))
        if share > EXPLODING:
            findings.append(Finding("exploding", name, share, EXPLODING))
    return Health(layers, tuple(findings), tuple(sorted(names - {call.site.name for call in calls})))


def _ratio(gradient: float, reference: float) -> float:
    """How many times `reference` a gradient is; 1 where there is no gradient at all."""
    return gradient / reference if reference else 1.0


def _unused(name: str, used: Mapping[str, Any]) -> str:
    """`name`, or where a layer runs again, `name (2)` and so on."""
    names = itertools.chain([name], (f"{name} ({count})" for count in itertools.count(2)))
    return next(candidate for candidate in names if candidate not in used)


def _tensors(name: str, data: Any) -> Any:
    """Arrays as tensors, floats in Keras's own type, as `fit` makes them."""

    def convert(leaf: Any) -> Tensor:
        kind = getattr(getattr(leaf, "dtype", None), "kind", None)
        if ops.is_tensor(leaf):
            kind = "f" if "float" in keras.backend.standardize_dtype(leaf.dtype) else "i"
        elif kind is None and hasattr(leaf, "__array__"):
            leaf = np.asarray(leaf)
            kind = leaf.dtype.kind
        if kind is None or kind not in "biuf":
            raise TypeError(received(f"`inspect` needs `{name}` to be an array of numbers, or several", **{name: leaf}))
        if not leaf.shape or not leaf.shape[0]:
            raise ValueError(received(f"`inspect` needs `{name}` to hold at least one example", shape=leaf.shape))
        return ops.convert_to_tensor(leaf, dtype=keras.config.floatx() if kind == "f" else None)

    return None if data is None else tree.map_structure(convert, data)


class HealthMonitor(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """Looks at the health of a network while it trains, on a few examples, and warns of what it finds.

    Each kind of finding is warned of once for a layer. All that was measured is kept in `history`: a
    dictionary for each look, with `epoch` and `batch` (from 0; `None` at an epoch's end) and `health`,
    as `inspect` returns it. The network is traced once; after that, a look goes through the probe at
    once, which costs far less than training on as many examples in batches.

    Args:
        x: Inputs of the probe. Defaults to `None`: the first of the validation data that `fit` was
            given, which then need to be arrays (or a dataset of known size).
        y: Targets of the probe, for what is said of gradients.
        interval: `"epoch"`, or a number of batches. Defaults to `"epoch"`.
        examples: How many examples the probe holds at most. Defaults to `256`.

    Raises:
        TypeError: `interval` or `examples` is not an integer, or `x` or `y` holds something else than arrays.
        ValueError: `y` is given without `x`, `interval` is another word, or a number is below 1.

    Example:
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4), Mish(), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> monitor = HealthMonitor(np.ones((8, 2)), np.ones((8, 1)))
    >>> _ = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, verbose=0, callbacks=[monitor])
    >>> [look["epoch"] for look in monitor.history]
    [0, 1]
    """

    def __init__(
        self, x: Any = None, y: Any = None, interval: int | Literal["epoch"] = "epoch", *, examples: int = 256
    ) -> None:
        super().__init__()
        if x is None and y is not None:
            raise ValueError(received("`HealthMonitor` needs `x` where `y` is given", x=x))
        for name, part in (("x", x), ("y", y)):
            if part is not None and not all(hasattr(leaf, "shape") for leaf in tree.flatten(part)):
                need = f"`HealthMonitor` needs `{name}` to be an array of numbers, or several"
                raise TypeError(received(need, **{name: part}))
        if isinstance(interval, str):
            if interval != "epoch":
                raise ValueError(
                    received("`HealthMonitor` needs `interval` to be 'epoch' or a number", interval=interval)
                )
        else:
            interval = checked_integer("HealthMonitor", "interval", interval, at_least=1)
            # On this instance only: a callback with a hook for batches is called, and waited for, at each one.
            self.on_train_batch_end = self._count_batch
        self.interval = interval
        self.examples = checked_integer("HealthMonitor", "examples", examples, at_least=1)
        self.history: list[dict[str, Any]] = []
        self._x, self._y = (_first(part, self.examples) for part in (x, y))
        self._warned: set[tuple[str, str]] = set()
        self._epoch = self._batches = 0
        self._inspector: Inspector | None = None

    def __getstate__(self) -> dict[str, Any]:
        """All but the model and its trace, which cannot be copied."""
        return {**vars(self), "_model": None, "_inspector": None}

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin anew."""
        self.history = []
        self._warned = set()
        self._batches = 0
        self._inspector = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note which epoch it is."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look, unless batches are what counts."""
        if self.interval == "epoch":
            self._look(None)

    def _count_batch(self, batch: int, logs: Any = None) -> None:
        self._batches += 1
        if self._batches % int(self.interval) == 0:
            self._look(batch)

    def _look(self, batch: int | None) -> None:
        model = self.model  # on JAX, asking for it brings its variables up to date
        if self._inspector is None:
            self._inspector = Inspector(model, traced=True)
        if self._x is None:
            self._x, self._y = _validation_data(model, self.examples)
        health = self._inspector(self._x, self._y)
        self.history.append({"epoch": self._epoch, "batch": batch, "health": health})
        new = [finding for finding in health.findings if (finding.kind, finding.layer) not in self._warned]
        self._warned.update((finding.kind, finding.layer) for finding in new)
        if new:
            when = f"Epoch {self._epoch + 1}" + ("" if batch is None else f", batch {batch + 1}")
            warnings.warn(f"{when}: " + "; ".join(map(str, new)), stacklevel=2)


def _first(data: Any, count: int) -> Any:
    return None if data is None else tree.map_structure(lambda leaf: leaf[:count], data)


def _validation_data(model: keras.Model, count: int) -> tuple[Any, Any]:
    """The first examples of the validation data that `fit` works with."""
    # Private, and the one place where Keras keeps them: from the first validation on, until `fit` ends.
    adapter = getattr(getattr(model, "_eval_epoch_iterator", None), "data_adapter", None)
    if adapter is None or adapter.num_batches is None:
        raise ValueError(
            "`HealthMonitor` needs `x`, or `fit` needs validation data of known size before the first look"
        )
    batches: list[Any] = []
    for batch in adapter.get_numpy_iterator():
        batches.append(keras.utils.unpack_x_y_sample_weight(batch)[:2])
        if sum(len(tree.flatten(x)[0]) for x, _ in batches) >= count:
            break
    return _first(tree.map_structure(lambda *leaves: np.concatenate(leaves), *batches), count)  # type: ignore[no-any-return]
