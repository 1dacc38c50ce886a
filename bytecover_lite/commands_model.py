"""The commands that start from a corpus: train, embed, evaluate, ablate, invariance."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from .recipes import PRESETS, TrainConfig, ablation, lite
from .systems import TEMPI

Unprefixed = tyro.conf.arg(name="")
LITE, ABLATION = lite(), ablation()


def train(
    corpus: Path,
    out: Path,
    /,
    preset: Literal[tuple(PRESETS)] = "lite",
    config: Annotated[TrainConfig, Unprefixed] = LITE,
    tests: tuple[Path, ...] = (),
    overlap: Literal["refuse", "drop", "allow"] = "refuse",
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
    tests
        Corpus directories, or others with a versions.csv, that the model will be tested on.
    overlap
        If training works are in a test set too: refuse, drop these works, or allow it.
    accelerator
        What to compute on.
    devices
        Processes (GPUs) a machine.
    nodes
        Machines.
    """
    from .data import read_versions
    from .overlap import separate
    from .pipeline import open_corpus
    from .train import train as run

    table, store = open_corpus(corpus)
    others = {str(path): read_versions(path / "versions.csv") for path in tests}
    table, shared = separate(table, others, overlap=overlap)
    if len(shared):
        count = f"{shared['left'].nunique()} recordings of {shared['left_clique'].nunique()}"
        print(f"{count} training works are in a test set too: {overlap}")
    path = run(config, store, table, out=out, accelerator=accelerator, devices=devices, nodes=nodes)
    print(path)


def export(run: Path, out: Path, /, result: Path | None = None):
    """Write the checkpoint of a training run without its classifier, as it is shipped.

    Parameters
    ----------
    run
        Directory of the run.
    out
        Checkpoint file to write (safetensors).
    result
        Results file (json) to write: the recipe and the log of the run.
    """
    from .model import load_model, save_model, without_classifier
    from .results import write_result
    from .training_state import read_run

    shipped = without_classifier(load_model(run / "model.safetensors"))
    if result:  # first, because it notes whether the files are those of the commit
        write_result(result.stem, read_run(run), directory=result.parent)
    save_model(shipped, out)


def embed(
    corpus: Path,
    out: Path,
    /,
    model: str = "lite",
    tempo: float = 1.0,
    device: str = "auto",
):
    """Embed all versions of a corpus.

    Parameters
    ----------
    corpus
        Corpus directory.
    out
        File to write (safetensors).
    model
        A checkpoint file, or the name of a shipped one.
    tempo
        Embed each version as if played so many times as fast.
    device
        auto, cpu, cuda, cuda:1...
    """
    from .embed import embed_versions
    from .pipeline import open_corpus, open_model

    _, store = open_corpus(corpus)
    network = open_model(model)
    embed_versions(network, store, tempo=tempo, device=device, progress=True).save(out)


def evaluate(
    corpus: Path,
    /,
    systems: tuple[str, ...] = ("random", "chroma", "2dftm", "model"),
    model: str = "lite",
    against: str | None = None,
    tempi: tuple[float, ...] = TEMPI,
    embeddings: Path | None = None,
    split: str = "test",
    share: int = 1,
    details: bool = False,
    tables: Path | None = None,
    out: Path | None = None,
    device: str = "auto",
):
    """Score systems on a corpus with the canonical rules: MAP, MR1, P@10 and 95 % intervals.

    Parameters
    ----------
    corpus
        Corpus directory, in frames of the model's length or a fraction of it; with --embeddings
        and without chroma, 2dftm and qmax, any directory with a versions.csv.
    systems
        Any of random, chroma, 2dftm, qmax, model, tempi; each may end in +csls, +qe or +csls+qe.
    model
        A checkpoint file, or the name of a shipped one.
    against
        Another one to compare with: the other systems' gain in MAP over it, paired by query.
    tempi
        The system "tempi" is the model hearing each version at these tempi, relative to its own.
    embeddings
        Use these for the system "model" instead of computing them.
    split
        Which rows of the versions table.
    share
        Score only every share-th work of every size: what qmax can do of a large corpus.
    details
        Put curves, distributions and the best and worst queries into the results file.
    tables
        Directory for one table a system with one row a query (csv).
    out
        Results file (json) to write.
    device
        auto, cpu, cuda, cuda:1...
    """
    from .pipeline import print_scores, score_corpus
    from .results import write_result

    rows = score_corpus(
        corpus,
        systems,
        model=model,
        against=against,
        tempi=tempi,
        embeddings=embeddings,
        split=split,
        share=share,
        details=details,
        tables=tables,
        device=device,
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
    probes: int = 0,
    preset: Literal["ablation", "lite", "long", "paper"] = "ablation",
    config: Annotated[TrainConfig, Unprefixed] = ABLATION,
    jobs: int = 2,
    result: Path | None = None,
):
    """Train and score every arm of an ablation, paired by seed; an interrupted run is continued.

    Parameters
    ----------
    name
        norm, placement, loss, stride, octaves, compression, optimizer, averaging or works.
    corpus
        Corpus directory to train on; for averaging, one made with --averaging 10.
    out
        Directory for the runs; ablations with the same recipe share theirs.
    tests
        Corpus directories to score on.
    seeds
        How many seeds, from 0.
    probes
        Draw so many songs and read instrument, key and tempo linearly from every stage; 0: do not.
    preset
        The recipe whose values are the defaults below.
    config
        The recipe, and so the budget of every arm.
    jobs
        Processes that draw the songs for the probes.
    result
        Results file (json) to write; default book/results/ablation_NAME.json.
    """
    from .ablate import ablate as run
    from .arms import AblationError
    from .overlap import separate
    from .pipeline import open_corpus
    from .probe import probe_set
    from .results import write_result

    corpora = {path.name: open_corpus(path) for path in tests}
    if len(corpora) < len(tests):
        raise AblationError(
            f"two of the tests have the same name ({', '.join(map(str, tests))}): results are kept "
            "by the folder's own name, so rename one"
        )
    table, store = open_corpus(corpus)
    separate(table, {name: test for name, (test, _) in corpora.items()}, overlap="refuse")
    songs = probe_set(probes, config.model.features, jobs=jobs) if probes else None
    found = run(name, config, (table, store), corpora, seeds=seeds, out=out, probes=songs)
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
        Any of random, chroma, 2dftm, qmax, model, tempi; each may end in +csls, +qe or +csls+qe.
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
