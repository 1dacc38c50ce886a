"""The process in which one submission runs: cells in, results out (instructor's guide).

It reads a job as JSON from its standard input, executes the cells one after the other in a fresh
module and writes one line of JSON for each, as soon as it is known, so that a process that has to
be killed has told what it had done. What the cells print goes elsewhere.

Commands for the notebook's shell (``%pip``, ``!ls``) do nothing here.
"""

import ast
import contextlib
import io
import json
import linecache
import os
import signal
import sys
import traceback
import types

LONGEST = 2000  # characters of a message or of what a cell printed
_FILE = "cell {}"


class CellTimeout(BaseException):
    """A cell took too long; no ``except Exception`` of a student catches it."""


class _Shell:
    """Stands where a notebook's shell would be, and runs no command."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


class _Capture(io.StringIO):
    def write(self, text):
        return super().write(text) if self.tell() < 10 * LONGEST else len(text)


def main():
    """Execute the job on standard input."""
    job = json.load(sys.stdin)
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    _limit(job["memory"], job["file_size"])
    for result in execute(job["cells"]):
        print(json.dumps(result), file=channel, flush=True)
    channel.flush()
    os._exit(0)  # threads and exit handlers of a submission do not get another turn


def execute(cells):
    """Execute cells one after the other; an error in one does not stop the next.

    Parameters
    ----------
    cells : sequence of (str, float)
        Code of each cell, and the seconds after which it is interrupted, where the system has
        alarms (not on Windows).

    Yields
    ------
    dict
        ``cell`` (its number), ``error`` (name of the exception, empty if there was none),
        ``message``, ``place`` (where in which cell it was raised), ``value`` (of the last
        expression if it is a number, else None) and ``printed``.
    """
    module = types.ModuleType("__main__")
    module.__dict__.update(get_ipython=_Shell, display=print)
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        for number, (source, seconds) in enumerate(cells):
            yield {"cell": number} | _execute(source, number, module.__dict__, seconds)
    finally:
        sys.modules["__main__"] = before


def _execute(source, number, names, seconds):
    printed, name = _Capture(), _FILE.format(number)
    result = {"error": "", "message": "", "place": "", "value": None}
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            with _alarm(seconds):
                result["value"] = _run(source, name, names)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        result |= _describe(error)
    return result | {"printed": printed.getvalue()[:LONGEST]}


def _run(source, name, names):
    source = _without_commands(source)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), name, "eval"), names)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


def _without_commands(source):
    lines = source.splitlines()
    if not any(line.lstrip().startswith(("%", "!")) for line in lines):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


@contextlib.contextmanager
def _alarm(seconds):
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_):
        raise CellTimeout(f"stopped after {seconds:g} s")

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again, for code that swallows the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _describe(error):
    place = ""
    try:
        message = str(error)
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if frame.filename.startswith(_FILE.format(""))]
        if isinstance(error, SyntaxError):
            place = f"{error.filename}, line {error.lineno}"
        elif inside:
            place = f"{inside[-1].filename}, line {inside[-1].lineno}"
    except Exception:  # an exception of a submission may fail in its own __str__
        message = "(its message cannot be shown)"
    return {"error": type(error).__name__, "message": message[:LONGEST], "place": place}


def _limit(memory, file_size):
    """Bound memory and file size where the system can (Linux; the parent watches everywhere)."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, size in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_FSIZE, file_size)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (size, size))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
