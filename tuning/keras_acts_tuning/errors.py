"""What a user can put right, told in one line."""

import operator
from typing import Any

from keras_acts._errors import nearest as nearest, received as received

MOST = 2**31 - 1
"""The greatest number that a study takes: what it calls with them holds no greater one."""


class StudyError(ValueError):
    """The study cannot be run as asked: the message says what was needed, what came, and what to do.

    The command line prints it in one line and ends with status 2.
    """


def whole(name: str, value: Any, least: int) -> int:
    """`value` as an integer, whatever type it has: NumPy's are integers too.

    Raises:
        StudyError: It is no whole number, or one below `least` or above `MOST`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not least <= number <= MOST:
        raise StudyError(received(f"`{name}` needs to be a whole number from {least} to {MOST}", **{name: value}))
    return number
