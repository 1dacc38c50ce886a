"""The one error that every clear message of the package derives from."""


class BytecoverError(ValueError):
    """A problem the caller can mend: the message names the file or value and says what to do.

    The command line prints it as one line and ends with exit code 2.
    """
