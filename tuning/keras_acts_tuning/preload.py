"""What the forkserver imports: everything that a cell needs, and nothing run."""

from keras_acts_tuning.quiet import import_quietly

import_quietly("keras_acts_tuning.cell")
