"""What a user can put right, told in one line."""

from keras_acts._errors import nearest as nearest, received as received


class StudyError(ValueError):
    """The study cannot be run as asked: the message says what was needed, what came, and what to do.

    The command line prints it in one line and ends with status 2.
    """
