"""The commands for a user's own music: index, find, compare, duplicates, serve, calibrate.

Each prints a table, or with ``--json`` what a program can read.
"""

from pathlib import Path

from .errors import BytecoverError


def index(folder: Path, /, out: Path, model: str = "lite", jobs: int = 2, json: bool = False):
    """Index the recordings of a folder, at any depth; run again, it takes up what changed.

    Files that cannot be used are listed with the reason; the others go on.

    Parameters
    ----------
    folder
        Where the recordings are.
    out
        Directory of the index; an interrupted run is continued.
    model
        A checkpoint file, or the name of a shipped one.
    jobs
        Processes.
    json
        Print every file and what became of it as JSON.
    """
    from .library import Library
    from .library_report import printable, to_json

    library, report = Library.create(out, folder, model=model, jobs=jobs, progress=True)
    if json:
        print(to_json(report.to_dict("records")))
        return
    for row in report[report["status"] == "failed"].itertuples():
        print(f"left out {printable(row.path)}: {printable(row.reason)}")
    counts = report["status"].value_counts()
    print(", ".join(f"{count} {status}" for status, count in counts.items()) or "no recordings")
    print(f"{len(library.collection)} different recordings in {printable(out)}")


def find(
    recording: Path,
    /,
    index: Path,
    k: int = 10,
    html: Path | None = None,
    json: bool = False,
    model: str | None = None,
    exact: bool = False,
):
    """Rank an index by nearness to a recording.

    Parameters
    ----------
    recording
        Any audio file, in the index or not.
    index
        Directory of the index.
    k
        How many to show.
    html
        Page to write, with a player for each.
    json
        Print JSON.
    model
        Where the checkpoint of the index is now, if it was moved.
    exact
        Compare with every passage of a very large index too, instead of where near ones are likely.
    """
    from .library import Library
    from .library_report import format_matches, to_json, write_page

    matches = Library.open(index, model=model).find(recording, k=k, exact=exact)
    print(to_json(matches) if json else format_matches(matches))
    if html:
        try:
            write_page(html, recording, matches)
        except OSError as error:
            raise BytecoverError(f"{html}: cannot be written ({error.strerror})") from error


def compare(first: Path, second: Path, /, model: str = "lite", json: bool = False):
    """Compare two recordings; the probability assumes even chances before they are heard.

    Parameters
    ----------
    first
        An audio file.
    second
        Another one.
    model
        A checkpoint file, or the name of a shipped one.
    json
        Print JSON.
    """
    from .comparison import compare as run
    from .comparison import listen
    from .library_files import hash_checkpoint
    from .library_report import format_match, to_json
    from .pipeline import open_model
    from .same_work import read_same_work

    network, same_work = open_model(model), read_same_work(hash_checkpoint(model))
    match = vars(run(listen(first, network), listen(second, network), same_work=same_work))
    if json:
        print(to_json(match))
        return
    for name, value in format_match(match).items():
        print(f"{name:<12}{value}")


def duplicates(index: Path, /, minimum: float = 0.5, json: bool = False, model: str | None = None):
    """Group the recordings of an index that are versions, or copies, of each other.

    Parameters
    ----------
    index
        Directory of the index.
    minimum
        Least probability of the same work.
    json
        Print JSON.
    model
        Where the checkpoint of the index is now, if it was moved.
    """
    from .library import Library
    from .library_report import printable, to_json

    groups = Library.open(index, model=model).duplicates(minimum=minimum)
    if json:
        print(to_json(groups))
        return
    for number, group in enumerate(groups, 1):
        print(f"work {number}")
        for one in group:
            told = "copies" if one["distance"] is None else f"{one['probability']:.1%}"
            for path in (one["path"], *one["copies"]):
                print(f"  {told:>8}  {printable(path)}")
    print(f"{len(groups)} groups")


def serve(
    index: Path,
    /,
    host: str = "127.0.0.1",
    port: int = 8321,
    k: int = 10,
    largest_mb: int = 200,
    model: str | None = None,
):
    """Open a page on this machine to drop a recording on and hear what resembles it.

    Parameters
    ----------
    index
        Directory of the index.
    host
        Address to listen on; the default one answers this machine only.
    port
        Port to listen on.
    k
        How many to show.
    largest_mb
        Largest file that is taken, in megabytes.
    model
        Where the checkpoint of the index is now, if it was moved.
    """
    from .library import Library
    from .library_web import create_app, listen_on

    app = create_app(Library.open(index, model=model), k=k, largest=largest_mb * 10**6, host=host)
    server = listen_on(app, host, port)
    name = f"[{host}]" if ":" in host else host
    print(f"http://{name}:{server.port}/ (Ctrl-C ends it)", flush=True)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def calibrate(
    corpus: Path,
    /,
    tests: tuple[Path, ...] = (),
    model: str = "lite",
    result: Path | None = None,
):
    """Fit the probability of the same work to a checkpoint, and measure its reliability.

    Parameters
    ----------
    corpus
        Corpus directory; the calibration is fitted on its split validation.
    tests
        Corpus directories whose split test it is tested on; default the same corpus.
    model
        A checkpoint file, or the name of a shipped one.
    result
        Results file (json) to write; default calibration.json in book/results, or in results/ of
        the current directory, where the other commands look for it; for a checkpoint that is not
        shipped, calibration_ and the first eight digits of its sha256.
    """
    from .library_files import hash_checkpoint
    from .library_scores import calibrate as run
    from .results import write_result

    found = run(corpus, tests or (corpus,), model=model)
    for row in found["tests"]:
        pairs, first = row["pairs"], row["first_results"]
        print(f"{row['corpus']}: off by {pairs['error']:.3f} on pairs, {first['error']:.3f} first")
    shipped = found["checkpoint"] == hash_checkpoint("lite")
    name = "calibration" if shipped else f"calibration_{found['checkpoint'][:8]}"
    where = {"directory": result.parent} if result else {}
    print(write_result(result.stem if result else name, found, **where))
