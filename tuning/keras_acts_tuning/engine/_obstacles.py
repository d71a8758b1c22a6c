"""What an epoch in a graph cannot do as `fit` does it, in words."""

import keras

from keras_acts_tuning.engine._loops import LOOPS


def model_obstacle(model: keras.Model) -> str:
    """What in the model needs `fit`, or nothing."""
    for name in ("fit", "evaluate", "make_train_function", "make_test_function"):
        if overrides(model, name):
            return f"the model has a `{name}` of its own"
    for name in ("train_function", "test_function"):
        module = getattr(getattr(model, name), "__module__", "keras.")  # None where fit has not yet made it
        if not str(module).startswith("keras."):
            return f"the model has a `{name}` of its own"
    if model.run_eagerly:
        return "the model is compiled with run_eagerly=True"
    if _is_distributed(model):
        return "the model is distributed over devices"
    backend = keras.backend.backend()
    if backend == "jax" and not model.jit_compile:
        return "the model is compiled with jit_compile=False, or has a layer that cannot be"
    if backend not in LOOPS:
        return f"{backend} has no graph of an epoch, and a loop without `fit` saved 2 to 7 % of a step"
    return ""


def overrides(model: keras.Model, method: str) -> bool:
    return method in vars(model) or getattr(type(model), method) is not getattr(keras.Model, method)


def _is_distributed(model: keras.Model) -> bool:
    if keras.distribution.distribution() is not None:
        return True
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return tf.distribute.has_strategy() or model.distribute_strategy is not tf.distribute.get_strategy()


_BATCH_HOOKS = [f"on_{kind}batch_{edge}" for kind in ("", "train_", "test_", "predict_") for edge in ("begin", "end")]


def batch_level_hook(callbacks: list[keras.callbacks.Callback]) -> str:
    """The first hook that wants to be called at every batch, or nothing."""
    base = keras.callbacks.Callback
    for callback in callbacks:
        # Keras's own, which ask in the hook itself whether batches are meant.
        by_epoch = isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch"
        idle = (base, keras.callbacks.ModelCheckpoint) if by_epoch else (base,)
        for hook in _BATCH_HOOKS:
            function = getattr(getattr(callback, hook), "__func__", None)
            if all(function is not getattr(known, hook) for known in idle):
                return f"{type(callback).__name__}.{hook} is called at every batch"
    return ""


_BATCH_HOOKS = [f"on_{kind}batch_{edge}" for kind in ("", "train_", "test_", "predict_") for edge in ("begin", "end")]
