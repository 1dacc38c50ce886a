"""The ``bytecover`` command: its options and defaults are those of the dataclasses."""

import functools
import inspect
import os
import sys

import tyro

from . import commands_corpus, commands_course, commands_library, commands_model, commands_reproduce
from .errors import BytecoverError
from .library_report import printable
from .recipes import PRESETS

COMMANDS = {
    function.__name__: function
    for function in (
        commands_corpus.songbook,
        commands_corpus.chorales,
        commands_corpus.folk,
        commands_corpus.features,
        commands_model.train,
        commands_model.export,
        commands_model.embed,
        commands_model.evaluate,
        commands_model.summary,
        commands_model.ablate,
        commands_model.invariance,
        commands_reproduce.reproduce,
        commands_library.index,
        commands_library.find,
        commands_library.compare,
        commands_library.duplicates,
        commands_library.serve,
        commands_library.calibrate,
        commands_course.grade,
    )
}


_TAKE_A_RECIPE = (commands_model.train, commands_model.ablate, commands_reproduce.reproduce)


def main(arguments=None):
    """Run one command; an error with a known reason becomes one line and exit code 2."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    recipes = {f.__name__: _with_preset_of(arguments, f) for f in _TAKE_A_RECIPE}
    commands = COMMANDS | recipes
    for stream in (sys.stdout, sys.stderr):  # a name may hold what a code page does not
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        tyro.extras.subcommand_cli_from_dict(
            commands, prog="bytecover", description=__doc__.split("\n")[0], args=arguments
        )
        sys.stdout.flush()
    except BytecoverError as error:
        print(f"bytecover: {printable(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        if error.strerror is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(
            f"bytecover: {printable(where)}cannot be read or written ({error.strerror}); check "
            "the path, its permissions and the space on the disk",
            file=sys.stderr,
        )
        raise SystemExit(2) from None


def _with_preset_of(arguments, function):
    """Give ``function`` the recipe that the command line names as its defaults."""
    words = " ".join(arguments).replace("=", " ").split()
    preset = inspect.signature(function).parameters["preset"].default
    if "--preset" in words[:-1]:
        preset = words[words.index("--preset") + 1]
    if preset not in PRESETS:
        return function

    @functools.wraps(function)
    def with_defaults(*args, **kwargs):
        return function(*args, **kwargs)

    signature = inspect.signature(function)
    parameters = dict(signature.parameters)
    parameters["config"] = parameters["config"].replace(default=PRESETS[preset]())
    with_defaults.__signature__ = signature.replace(parameters=list(parameters.values()))
    return with_defaults
