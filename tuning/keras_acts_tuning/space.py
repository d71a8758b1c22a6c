"""Activations as hyper-parameters of a KerasTuner search."""

from collections.abc import Iterable
from typing import Any

import keras_acts as ka
from keras_acts._lookup import defaults, layer_class
from keras_acts._spec import Param
from keras_acts_tuning.arms import Arm, arms_from
from keras_acts_tuning.errors import StudyError, received


class ActivationSpace:
    """A choice among activations, for any stock KerasTuner tuner.

    In a model's `build(hp)`, `space(hp)` gives a fresh layer of the activation that the tuner
    chose. Its parameters are conditional hyper-parameters, such as `hidden.snake.alpha` (for a
    learned parameter: its start). One site is one choice: call with the same `site` for the same
    activation throughout, or name a site for each block or layer to choose them apart.

    Args:
        activations: Names, texts such as `"leaky_relu(negative_slope=0.1)"`, or `Arm`s; or one text
            with commas. Defaults to the classics that `compare` compares.
        parameters: Whether to search the parameters too, where the catalogue has an interval for
            them. A parameter that the activation's text gives stays as given. Defaults to `True`.

    Raises:
        StudyError: The list is empty, an entry is unknown, or two have one label.

    Example:
    >>> import keras, keras_tuner
    >>> space = ActivationSpace("relu, snake")
    >>> def build(hp):
    ...     return keras.Sequential([keras.layers.Dense(8), space(hp), keras.layers.Dense(1)])
    >>> hp = keras_tuner.HyperParameters()
    >>> model = build(hp)
    >>> sorted(hp.values)
    ['hidden']
    >>> hp.values.update({"hidden": "snake", "hidden.snake.alpha": 3.0})
    >>> build(hp).layers[1].get_config()["alpha"]
    3.0
    """

    def __init__(self, activations: Iterable[str | Arm] | str | None = None, *, parameters: bool = True) -> None:
        self._arms = {arm.label: arm for arm in arms_from(activations)}
        self._parameters = parameters

    @property
    def labels(self) -> list[str]:
        """What the choice is among, in order."""
        return list(self._arms)

    def __call__(self, hp: Any, site: str = "hidden", **arguments: Any) -> ka.Activation:
        """A fresh layer of the activation chosen at `site`.

        Args:
            hp: KerasTuner's `HyperParameters`, as given to `build`.
            site: Name of the choice; the prefix of its parameters. Defaults to `"hidden"`.
            **arguments: Further constructor arguments of the layer, such as `axis` or `channels`.

        Raises:
            StudyError: `site` is empty.
        """
        chosen = self._chosen(hp, site)
        found: dict[str, Any] = {}
        # Every activation's parameters are declared in every build, so that a tuner knows the whole
        # space from its first trial on; KerasTuner gives values to the chosen one's alone.
        for arm in self._arms.values():
            with hp.conditional_scope(site, [arm.label]):
                for name, param in self._searched(arm).items():
                    value = _declare(hp, f"{site}.{arm.label}.{name}", param, defaults(layer_class(arm.name))[name])
                    if arm is chosen:
                        found[name] = value
        return chosen(**{**found, **arguments})

    def initializer(self, hp: Any, site: str = "hidden") -> str:
        """The Keras kernel initializer that suits the activation chosen at `site`."""
        return self._chosen(hp, site).initializer

    def _chosen(self, hp: Any, site: str) -> Arm:
        if not isinstance(site, str) or not site:
            raise StudyError(received("A site needs a name", site=site))
        return self._arms[hp.Choice(site, self.labels)]

    def _searched(self, arm: Arm) -> dict[str, Param]:
        if not self._parameters:
            return {}
        given = dict(arm.arguments)
        params = layer_class(arm.name).spec.params
        return {name: param for name, param in params.items() if param.search is not None and name not in given}


def _declare(hp: Any, key: str, param: Param, default: float) -> float | None:
    assert param.search is not None
    low, high = param.search
    # The first trial of most tuners takes the defaults: the catalogue's own, where it lies inside.
    start = float(default) if low <= default <= high else None
    return hp.Float(key, low, high, sampling="log" if param.log else "linear", default=start)  # type: ignore[no-any-return]
