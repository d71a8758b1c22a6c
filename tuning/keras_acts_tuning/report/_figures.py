"""Every figure of a study, by its name on the command line."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from keras_acts_tuning.report._blocks import Drawn
from keras_acts_tuning.report._inside import health, learned
from keras_acts_tuning.report._price import costs, pareto
from keras_acts_tuning.report._quality import curves, forest, ranks, scores

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison

KINDS: dict[str, Callable[["Comparison"], Drawn]] = {
    "scores": scores,
    "forest": forest,
    "curves": curves,
    "ranks": ranks,
    "pareto": pareto,
    "costs": costs,
    "learned": learned,
    "health": health,
}
