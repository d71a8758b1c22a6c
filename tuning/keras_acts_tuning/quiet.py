"""Importing Keras's backend without its notes on standard error.

TensorFlow writes some before any setting of its own can silence them; they would tear the progress
display. Everything else that is written meanwhile is passed on.
"""

import importlib
import os
import re
import sys
import tempfile

_NOTE = re.compile(r"WARNING: All log messages before absl|[IW]\d{4,} .*(port|cpu_feature_guard)\.cc")


def import_quietly(module: str) -> None:
    """Import `module`, and drop the backend's notes about itself."""
    # Levels below errors; read when TensorFlow is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all
        importlib.import_module(module)
        return
    with tempfile.TemporaryFile("w+", errors="replace") as notes:
        os.dup2(notes.fileno(), 2)
        try:
            importlib.import_module(module)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            notes.seek(0)
            sys.stderr.writelines(line for line in notes if not _NOTE.match(line))
