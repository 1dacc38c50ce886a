"""The embedded corpus as files: sound, MIDI, features and a csv, for people who want files.

    python data_scripts/songbook.py build/songbook-files --preset tiny --extract lite

Composed by the package from seeds; nobody holds a right to these songs (MIT, as the package). The
features of ``bytecover songbook`` are drawn without sound; these are heard: synthesized, encoded
and decoded as with anybody's music.
"""

import os
from pathlib import Path
from typing import Literal

import command
from finish import finish

from bytecover_lite.versions import COLUMNS


def versions_of(preset, *, jobs=1):
    """Return what a preset consists of.

    Parameters
    ----------
    preset : str
        See :mod:`bytecover_lite.songbook.corpus`.
    jobs : int

    Returns
    -------
    list of (int, Take, str)
        Seed of the work, how the version is made, split.

    Raises
    ------
    CorpusError
        If there is no such preset.
    """
    from bytecover_lite.songbook.corpus import PRESETS, CorpusError, works_of

    if preset not in PRESETS:
        raise CorpusError(f"preset {preset!r} is not one of {', '.join(PRESETS)}")
    return [
        (seed, take, block.split)
        for block in PRESETS[preset]
        for seed in works_of(block, jobs=jobs)
        for take in block.takes()
    ]


def record(out, seed, take, suffix, engine="auto"):
    """Write the sound and the MIDI file of one version, unless they are there.

    Returns
    -------
    title : str
    path : str
        Of the sound.
    """
    from bytecover_lite.songbook.compose import compose
    from bytecover_lite.songbook.fluid import to_midi
    from bytecover_lite.songbook.render import synthesize

    work = compose(seed)
    sound = Path(out) / "audio" / f"s{seed}" / f"s{seed}-{take.number}.{suffix}"
    score = Path(out) / "midi" / f"s{seed}" / f"s{seed}-{take.number}.mid"
    if not (sound.exists() and score.exists()):
        version = take.version_of(work)
        _write(score, to_midi(version))
        _write(sound, _encode(synthesize(version, engine=engine), suffix))
    return work.title, str(sound.resolve())


def _encode(samples, suffix):
    import io

    from bytecover_lite.audio import SAMPLE_RATE, encode_mp3

    if suffix == "mp3":
        return encode_mp3(samples)
    import soundfile

    coded = io.BytesIO()
    soundfile.write(coded, samples, SAMPLE_RATE, format=suffix.upper(), subtype="PCM_16")
    return coded.getvalue()


def _write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(data)
    os.replace(partial, path)


def main(
    out: Path,
    /,
    *,
    preset: str = "tiny",
    suffix: Literal["mp3", "flac", "wav"] = "mp3",
    engine: Literal["auto", "own", "fluidsynth"] = "auto",
    extract: command.Extract = "no",
    jobs: int = 2,
    dry_run: bool = False,
):
    """Write OUT/audio, OUT/midi and OUT/versions.csv; a run that was killed is continued.

    Parameters
    ----------
    out
        Folder to write to.
    preset
        Which works and versions.
    suffix
        Of the sound files.
    engine
        Synthesizer; auto takes fluidsynth where it is installed.
    extract
        Extract the features that this recipe's network listens to as well.
    jobs
        Processes.
    dry_run
        Only count.
    """
    import pandas as pd
    from joblib import Parallel, delayed
    from tqdm import tqdm

    versions = versions_of(preset, jobs=jobs)
    splits = {}
    for seed, _, split in versions:
        splits.setdefault(split, []).append(seed)
    published = {split: (len(seeds), len(set(seeds))) for split, seeds in splits.items()}
    if dry_run:
        print(f"would record {len(versions)} versions: {published}")
        return
    tasks = (delayed(record)(out, seed, take, suffix, engine) for seed, take, _ in versions)
    made = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    made = tqdm(made, total=len(versions), desc="record", unit="file", disable=None)
    rows = [
        (f"s{seed}-{take.number}", f"s{seed}", split, title, str(take), preset, path)
        for (seed, take, split), (title, path) in zip(versions, made, strict=True)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["source"] = f"songbook {preset}, {engine}"
    finish(table, out, name=f"songbook {preset}", published=published, jobs=jobs)
    command.extract(out, extract, jobs=jobs)


if __name__ == "__main__":
    command.run(main, __doc__)
