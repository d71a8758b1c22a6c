"""What a study's scores show: how large each difference is, how sure, and what to do.

Pure functions over plain data: no Keras model, no store, no clock, and no chance either, since
every resampling has a fixed stream.
"""

from keras_acts_tuning.analyse._data import (
    Direction as Direction,
    Estimate as Estimate,
    Scores as Scores,
    plain as plain,
)
from keras_acts_tuning.analyse._paired import (
    hedges_g as hedges_g,
    holm as holm,
    mean_interval as mean_interval,
    paired_t as paired_t,
    power_of_paired_t as power_of_paired_t,
    probability_of_improvement as probability_of_improvement,
    rounding_variance as rounding_variance,
    seeds_needed as seeds_needed,
)
from keras_acts_tuning.analyse._race import Race as Race, race as race
from keras_acts_tuning.analyse._study import (
    Analysis as Analysis,
    Difference as Difference,
    Summary as Summary,
    analyse as analyse,
    probability_of_being_best as probability_of_being_best,
)
from keras_acts_tuning.analyse._tasks import (
    Ranking as Ranking,
    interquartile_mean as interquartile_mean,
    interquartile_means as interquartile_means,
    rank as rank,
)
from keras_acts_tuning.analyse._tradeoffs import (
    ParetoFront as ParetoFront,
    TimeToTarget as TimeToTarget,
    pareto_front as pareto_front,
    time_to_target as time_to_target,
    times_to_target as times_to_target,
)
from keras_acts_tuning.analyse._verdict import Verdict as Verdict, verdict as verdict
