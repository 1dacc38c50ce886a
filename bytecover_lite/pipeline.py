"""Corpora in, scores out: what the command line and the chapters share.

A *corpus* is a directory with ``versions.csv`` and ``features/``.
"""

import json
import math
import shutil
import time
from pathlib import Path

from .coverage import FILE as SET_FILE
from .coverage import coverage, label
from .data import read_versions
from .details import describe, gains
from .errors import BytecoverError
from .files import format_csv, replace_file
from .library_report import printable
from .retrieval import chance, score
from .store import FeatureStore
from .systems import (
    CLASSICAL,
    EXPANDED,
    SCALED,
    SYSTEMS,
    TEMPI,
    from_baseline,
    from_embeddings,
    from_model,
    from_tempi,
    kind_of,
    refined,
)

AGAINST = "against"


class PipelineError(BytecoverError):
    """A step was asked for that the corpus or the model at hand does not allow."""


def open_corpus(path):
    """Open a corpus.

    Parameters
    ----------
    path : path-like
        Corpus directory.

    Returns
    -------
    versions : pandas.DataFrame
        The versions table.
    store : FeatureStore

    Raises
    ------
    PipelineError
        If the directory is not a corpus, or the table names a version without features.
    """
    path = Path(path)
    if not (path / "versions.csv").is_file():
        raise PipelineError(
            f"{path} is not a corpus (it has no versions.csv): "
            "make one with `bytecover songbook` or `bytecover features`"
        )
    table, store = read_versions(path / "versions.csv"), FeatureStore.open(path / "features")
    missing = [version for version in table["version"] if version not in store]
    if missing:
        raise PipelineError(
            f"{path}: {len(missing)} versions of the table have no features, "
            f"the first is {missing[0]!r}: run the command that made the corpus again"
        )
    return table, store


def open_model(name):
    """Load a checkpoint file, or a shipped checkpoint by its name."""
    from .model import ByteCover, load_model

    if Path(name).suffix == ".safetensors" or Path(name).is_file():
        return load_model(name)
    return ByteCover.from_pretrained(name)


def extract_corpus(versions, out, settings, *, jobs=2, cluster=None):
    """Make a corpus of the audio files that a versions table names.

    Every file's fate is in ``out/report.csv``; ``out/versions.csv`` lists the usable ones.

    Raises
    ------
    PipelineError
        If not one file could be used.
    """
    from .data import write_versions
    from .features import extract_features

    versions, out = Path(versions), Path(out)
    table = read_versions(versions)
    absolute = table.assign(path=[path and str(versions.parent / path) for path in table["path"]])
    out.mkdir(parents=True, exist_ok=True)
    report = extract_features(absolute, out / "features", settings, jobs=jobs, cluster=cluster)
    replace_file(out / "report.csv", format_csv(report.columns, report.to_numpy()))
    failed = report[report["reason"] != ""]
    for row in failed.itertuples():
        print(f"left out {printable(row.version)}: {printable(row.reason)}")
    usable = table[~table["version"].isin(failed["version"])]
    if usable.empty:
        if not len(FeatureStore.open(out / "features")):  # else an earlier run's
            shutil.rmtree(out / "features", ignore_errors=True)
        raise PipelineError(f"{versions}: no file could be used, see {out / 'report.csv'}")
    write_versions(usable, out / "versions.csv")
    described = versions.parent / SET_FILE
    if described.is_file() and described.parent.resolve() != out.resolve():
        shutil.copyfile(described, out / SET_FILE)
    print(f"{len(usable)} of {len(table)} versions usable, report in {out / 'report.csv'}")


def score_corpus(
    corpus,
    systems=SYSTEMS,
    *,
    model="lite",
    against=None,
    tempi=TEMPI,
    embeddings=None,
    split="test",
    share=1,
    details=False,
    tables=None,
    device="auto",
):
    """Score systems on one split of a corpus with the canonical rules.

    Parameters
    ----------
    corpus : path-like
        Corpus directory. Its frames may be shorter than those of the model, which then hears means
        of them; the classical baselines hear them as they are. If ``embeddings`` are given and no
        baseline that listens is asked for, its versions table is enough.
    systems : sequence of str
        Of ``random``, ``chroma``, ``2dftm``, ``qmax``, ``model`` and ``tempi``, the model with
        test-time augmentation. Each may be followed by ``+csls``, its distances scaled locally
        (:func:`bytecover_lite.hubs.scale_locally`), by ``+qe``, expanded
        (:func:`bytecover_lite.expansion.expand`), or by both in this order. ``random`` scores the
        mean of all orders; its details are of one of them.
    model : str
        Checkpoint file or shipped name.
    against : str, optional
        Another one: scored first, as the system ``against``, and every other row tells its ``gain``
        in MAP over it, paired by query.
    tempi : sequence of float
        At which ``tempi`` hears each version, see :func:`bytecover_lite.systems.from_tempi`.
    embeddings : path-like, optional
        Embeddings file to use for ``model`` instead of computing them.
    split : str
        Which rows of the versions table.
    share : int
        Score only every ``share``-th work of every size.
    details : bool
        Add to each row, as ``details``, what :func:`bytecover_lite.details.describe` returns and
        the ``gains`` over the systems before it.
    tables : path-like, optional
        Directory for the per-query table of every system (csv).
    device : str
        Where the model runs.

    Returns
    -------
    list of dict
        One row a system: corpus, averaging of its frames (None without features), system, seconds
        and seconds a pair of versions (embedding and scoring included), coverage (which share of a
        published set is there, None if the corpus is none), the summary of the evaluation, and
        with ``against`` the gain, see :func:`bytecover_lite.details.gains`.
    """
    if against:
        systems = (AGAINST, *systems)
    kinds = [kind_of(system) for system in systems]
    known = (*SYSTEMS, AGAINST) if against else SYSTEMS
    unknown = [system for system, kind in zip(systems, kinds, strict=True) if kind not in known]
    if unknown:
        raise PipelineError(
            f"unknown system {unknown[0]!r}: choose from {', '.join(SYSTEMS)}, "
            f"each alone or followed by {SCALED}, {EXPANDED} or {SCALED}{EXPANDED}"
        )
    if embeddings and "tempi" in kinds:
        raise PipelineError(
            "embeddings stand for the system 'model' and were made at one tempo: "
            "score 'tempi' without them, with the checkpoint that they came from"
        )
    labels_only = embeddings and not set(kinds) & {*CLASSICAL, AGAINST}
    table, store = _labels(corpus) if labels_only else open_corpus(corpus)
    covered = coverage(corpus, table, split)
    table = part_of(table[table["split"] == split], share)
    if table.empty:
        raise PipelineError(f"{corpus}: the versions table has no row of split {split!r}")
    name = Path(corpus).name + (f" 1/{share}" if share > 1 else "")
    versions, rows, earlier, kept = list(table["version"]), [], {}, {}
    for system, kind in zip(systems, kinds, strict=True):
        began = time.perf_counter()
        if kind in kept:
            found, spent = kept[kind]
            began -= spent
        elif kind == "tempi":
            found = from_tempi(store, versions, model=model, tempi=tempi, device=device)
        elif kind == AGAINST:
            found = from_model(store, versions, model=against, device=device)
        elif kind != "model":
            found = from_baseline(kind, store, versions)
        elif embeddings:
            found = from_embeddings(embeddings, versions)
        else:
            found = from_model(store, versions, model=model, device=device)
        if kinds.count(kind) > 1:
            kept[kind] = found, time.perf_counter() - began
        found = refined(found, system)
        ranks = found.ranks(list(table["clique"]), versions)
        drawn = score(ranks)
        scores = chance(ranks.relevance) if system == "random" else drawn
        seconds = time.perf_counter() - began
        row = {
            "corpus": name,
            "averaging": store.settings.averaging if store else None,
            "system": system,
            "seconds": round(seconds, 2),
            "seconds_per_pair": float(f"{seconds / max(1, math.comb(len(versions), 2)):.3g}"),
            "coverage": covered,
        }
        row |= scores.summary()
        if AGAINST in earlier:
            row["gain"] = gains(scores, {AGAINST: earlier[AGAINST]})[AGAINST]
        if details:
            row["details"] = describe(found, ranks, drawn) | {"gains": gains(scores, earlier)}
        rows.append(row)
        earlier[system] = scores
        if tables:
            Path(tables).mkdir(parents=True, exist_ok=True)
            scores.per_query.to_csv(Path(tables) / f"{system}.csv", index=False)
    return rows


def part_of(table, share):
    """Return every ``share``-th work of every size, all versions of it.

    Parameters
    ----------
    table : pandas.DataFrame
        Versions table.
    share : int
        1 returns the table.

    Raises
    ------
    PipelineError
        If ``share`` is not positive.
    """
    if share < 1:
        raise PipelineError(f"share is {share}: it must be at least 1")
    sizes = table.groupby("clique", sort=False).size()
    place = sizes.groupby(sizes).cumcount()  # first, second, ... of its size
    return table[table["clique"].map(place) % share == 0]


def _labels(corpus):
    path = Path(corpus) / "versions.csv"
    if not path.is_file():
        raise PipelineError(f"{path} does not exist: it says which versions belong together")
    return read_versions(path), None


def print_scores(rows):
    """Print one aligned line a system, each measure with its 95 % interval.

    A score on a part of a published set says on how much of it.
    """
    corpus = max([16, *(len(row["corpus"]) for row in rows)]) + 2
    system = max([10, *(len(row["system"]) for row in rows)]) + 2
    head = f"{'MAP':>21}{'MR1':>23}{'P@10':>21}{'queries':>9}{'s':>8}"
    print(f"{'corpus':<{corpus}}{'system':<{system}}{head}")
    for row in rows:
        measures = "".join(
            f"{row[name]:>{width}.{digits}f} [{row[name + '_low']:.{digits}f}, "
            f"{row[name + '_high']:.{digits}f}]"
            for name, width, digits in (("map", 6, 3), ("mr1", 8, 1), ("p_at_k", 7, 3))
        )
        print(
            f"{row['corpus']:<{corpus}}{row['system']:<{system}}{measures}{row['n_queries']:>9}"
            f"{row['seconds']:>8} {label(row.get('coverage'))}".rstrip()
        )
    for row in rows:
        if "gain" in row:
            gain = "{difference:+.3f} [{low:+.3f}, {high:+.3f}]".format(**row["gain"])
            print(f"MAP of {row['system']} over {AGAINST}, paired by query: {gain}")


def read_scores(path):
    """Return the rows of a results file that ``bytecover evaluate`` wrote."""
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))["rows"]
        [(row["corpus"], row["system"], row["map_low"]) for row in rows]
        return rows
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise PipelineError(
            f"{path}: not a results file of `bytecover evaluate` ({error}): make it again"
        ) from error
