"""The commands that end in a corpus: composed songs, real tunes, audio files.

A *corpus* is a directory with ``versions.csv`` and ``features/`` (a feature store); every source of
music ends in one, and every later step starts from one.
"""

from pathlib import Path
from typing import Annotated, Literal, get_args

import tyro

from .cqt import FeatureSettings

Voice = Literal["Soprano", "Alto", "Tenor", "Bass"]
Engine = Literal["own", "fluidsynth"]
Unprefixed = tyro.conf.arg(name="")
SETTINGS = FeatureSettings(averaging=20)  # any coarser model sees means over several of these


def songbook(
    out: Path,
    /,
    preset: str = "lite",
    settings: Annotated[FeatureSettings, Unprefixed] = SETTINGS,
    jobs: int = 2,
):
    """Draw the embedded corpus of composed songs to averaged CQTs.

    Parameters
    ----------
    out
        Corpus directory to write.
    preset
        Which works, how many versions of each and how different (page "Your own corpus").
    settings
        Of the constant-Q transform.
    jobs
        Processes.
    """
    from .songbook import corpus

    corpus.build(preset, out, settings=settings, jobs=jobs, progress=True)


def chorales(
    out: Path,
    /,
    settings: Annotated[FeatureSettings, Unprefixed] = SETTINGS,
    families: int | None = None,
    voices: tuple[Voice, ...] = get_args(Voice),
    engine: Engine = "own",
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
    voices
        Who sings; the others of the same performances are silent.
    engine
        Synthesizer: the package's own, with which the book's scores are made, or FluidSynth, which
        must be installed with a soundfont.
    jobs
        Processes.
    """
    from .songbook import chorales

    chorales.build(out, settings, limit_families=families, voices=voices, engine=engine, jobs=jobs)


def folk(
    out: Path,
    /,
    settings: Annotated[FeatureSettings, Unprefixed] = SETTINGS,
    families: int | None = None,
    engine: Engine = "own",
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
    engine
        Synthesizer: the package's own, with which the book's scores are made, or FluidSynth, which
        must be installed with a soundfont.
    jobs
        Processes.
    """
    from .songbook import folk

    folk.build(out, settings, limit_families=families, engine=engine, jobs=jobs)


def features(
    versions: Path,
    out: Path,
    /,
    settings: Annotated[FeatureSettings, Unprefixed] = SETTINGS,
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
