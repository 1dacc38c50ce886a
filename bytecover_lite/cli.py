"""The ``bytecover`` command: every step of the way of the data, from the dataclasses' own defaults.

A *corpus* is a directory with ``versions.csv`` and ``features/`` (a feature store); every source of
music ends in one, and every later step starts from one.
"""

import functools
import inspect
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from .cqt import FeatureSettings
from .errors import BytecoverError
from .recipes import PRESETS, TrainConfig

Unprefixed = tyro.conf.arg(name="")
LITE = PRESETS["lite"]()


def songbook(
    out: Path,
    /,
    preset: str = "lite",
    settings: Annotated[FeatureSettings, Unprefixed] = LITE.model.features,
    jobs: int = 2,
):
    """Draw the embedded corpus of composed songs to averaged CQTs.

    Parameters
    ----------
    out
        Corpus directory to write.
    preset
        Which works, how many versions of each and how different (see the songbook chapter).
    settings
        Of the constant-Q transform.
    jobs
        Processes.
    """
    from .songbook import corpus

    corpus.build(preset, out, settings=settings, jobs=jobs)


def chorales(
    out: Path,
    /,
    settings: Annotated[FeatureSettings, Unprefixed] = LITE.model.features,
    families: int | None = None,
    jobs: int = 2,
):
    """Render the Bach chorale families to audio and extract their features: a test set.

    Parameters
    ----------
    out
        Corpus directory to write.
    settings
        Of the constant-Q transform.
    families
        Only so many families; default all.
    jobs
        Processes.
    """
    from .songbook import chorales

    chorales.build(out, settings=settings, limit_families=families, jobs=jobs)


def folk(
    out: Path,
    /,
    settings: Annotated[FeatureSettings, Unprefixed] = LITE.model.features,
    families: int | None = None,
    jobs: int = 2,
):
    """Render the folk tune families to audio and extract their features: a test set.

    Parameters
    ----------
    out
        Corpus directory to write.
    settings
        Of the constant-Q transform.
    families
        Only so many families; default all.
    jobs
        Processes.
    """
    from .songbook import folk

    folk.build(out, settings=settings, limit_families=families, jobs=jobs)


def features(
    versions: Path,
    out: Path,
    /,
    settings: Annotated[FeatureSettings, Unprefixed] = LITE.model.features,
    jobs: int = 2,
    cluster: str | None = None,
):
    """Extract averaged CQTs from the audio files of a versions table.

    Files that cannot be used are listed in ``report.csv`` with the reason; the others go on.

    Parameters
    ----------
    versions
        A versions.csv; its column path names the audio files, relative to the table.
    out
        Corpus directory to write; an interrupted run is continued.
    settings
        Of the constant-Q transform.
    jobs
        Processes.
    cluster
        Address of a dask scheduler, such as tcp://host:8786, to use many machines.
    """
    from .pipeline import extract_corpus

    extract_corpus(versions, out, settings, jobs=jobs, cluster=cluster)


def train(
    corpus: Path,
    out: Path,
    /,
    preset: Literal["lite", "paper"] = "lite",
    config: Annotated[TrainConfig, Unprefixed] = LITE,
    accelerator: Literal["auto", "cpu", "cuda"] = "auto",
    devices: int = 1,
    nodes: int = 1,
):
    """Train a ByteCover on the split ``train`` of a corpus; an interrupted run is continued.

    Parameters
    ----------
    corpus
        Corpus directory; its features must fit the recipe.
    out
        Directory of the run: model.safetensors, log.csv, TensorBoard events, state to resume from.
    preset
        The recipe whose values are the defaults below.
    config
        The recipe.
    accelerator
        What to compute on.
    devices
        Processes (GPUs) a machine.
    nodes
        Machines.
    """
    from .pipeline import open_corpus
    from .train import train as run

    table, store = open_corpus(corpus)
    path = run(config, store, table, out=out, accelerator=accelerator, devices=devices, nodes=nodes)
    print(path)


def embed(corpus: Path, out: Path, /, model: str = "lite", device: str = "auto"):
    """Embed all versions of a corpus.

    Parameters
    ----------
    corpus
        Corpus directory.
    out
        File to write (safetensors).
    model
        A checkpoint file, or the name of a shipped one.
    device
        auto, cpu, cuda, cuda:1...
    """
    from .embed import embed_versions
    from .pipeline import open_corpus, open_model

    _, store = open_corpus(corpus)
    embed_versions(open_model(model), store, device=device, progress=True).save(out)


def evaluate(
    corpus: Path,
    /,
    systems: tuple[str, ...] = ("random", "chroma", "2dftm", "model"),
    model: str = "lite",
    embeddings: Path | None = None,
    split: str = "test",
    out: Path | None = None,
    device: str = "auto",
):
    """Score systems on a corpus with the canonical rules: MAP, MR1, P@10 and 95 % intervals.

    Parameters
    ----------
    corpus
        Corpus directory.
    systems
        Any of random, chroma, 2dftm, qmax, model.
    model
        A checkpoint file, or the name of a shipped one.
    embeddings
        Use these for the system "model" instead of computing them.
    split
        Which rows of the versions table.
    out
        Results file (json) to write.
    device
        auto, cpu, cuda, cuda:1...
    """
    from .pipeline import print_scores, score_corpus
    from .results import write_result

    rows = score_corpus(
        corpus, systems, model=model, embeddings=embeddings, split=split, device=device
    )
    print_scores(rows)
    if out:
        write_result(out.stem, {"rows": rows}, directory=out.parent)


def summary(files: tyro.conf.Positional[tuple[Path, ...]]):
    """Print one table of several results files of ``bytecover evaluate``.

    Parameters
    ----------
    files
        The json files.
    """
    from .pipeline import print_scores, read_scores

    print_scores([row for file in files for row in read_scores(file)])


def ablate(
    name: str,
    corpus: Path,
    out: Path,
    /,
    tests: tuple[Path, ...],
    seeds: int = 5,
    preset: Literal["lite", "paper"] = "lite",
    config: Annotated[TrainConfig, Unprefixed] = LITE,
    result: Path | None = None,
):
    """Train and score every arm of an ablation, paired by seed; an interrupted run is continued.

    Parameters
    ----------
    name
        norm, placement, loss, stride or works.
    corpus
        Corpus directory to train on.
    out
        Directory for the runs.
    tests
        Corpus directories to score on.
    seeds
        How many seeds, from 0.
    preset
        The recipe whose values are the defaults below.
    config
        The recipe, and so the budget of every arm.
    result
        Results file (json) to write; default book/results/ablation_NAME.json.
    """
    from .ablate import ablate as run
    from .pipeline import open_corpus
    from .results import write_result

    corpora = {path.name: open_corpus(path) for path in tests}
    found = run(name, config, open_corpus(corpus), corpora, seeds=seeds, out=out)
    where = {"directory": result.parent} if result else {}
    print(write_result(result.stem if result else f"ablation_{name}", found, **where))


def invariance(
    out: Path,
    /,
    systems: tuple[str, ...] = ("chroma", "2dftm", "model"),
    model: str = "lite",
    works: int = 80,
    jobs: int = 2,
    result: Path | None = None,
):
    """Score systems on sets in which versions differ in key only, in tempo only, ...

    Parameters
    ----------
    out
        Directory for the test sets.
    systems
        Any of random, chroma, 2dftm, qmax, model.
    model
        A checkpoint file, or the name of a shipped one.
    works
        Works of each set; there are four versions of each.
    jobs
        Processes.
    result
        Results file (json) to write; default book/results/invariance.json.
    """
    from .invariance import invariance as run
    from .pipeline import print_scores
    from .results import write_result

    rows = run(systems, model=model, out=out, works=works, jobs=jobs)
    print_scores(rows)
    where = {"directory": result.parent} if result else {}
    print(write_result(result.stem if result else "invariance", {"rows": rows}, **where))


COMMANDS = {
    function.__name__: function
    for function in (
        songbook,
        chorales,
        folk,
        features,
        train,
        embed,
        evaluate,
        summary,
        ablate,
        invariance,
    )
}


def main(arguments=None):
    """Run one command; a :class:`BytecoverError` becomes one line and exit code 2."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    recipes = {f.__name__: _with_preset_of(arguments, f) for f in (train, ablate)}
    commands = COMMANDS | recipes
    try:
        tyro.extras.subcommand_cli_from_dict(
            commands, prog="bytecover", description=__doc__.split("\n")[0], args=arguments
        )
    except BytecoverError as error:
        print(f"bytecover: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _with_preset_of(arguments, function):
    """Give ``function`` the recipe that the command line names as its defaults."""
    words = " ".join(arguments).replace("=", " ").split()
    preset = words[words.index("--preset") + 1] if "--preset" in words[:-1] else "lite"
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
