"""Make the home page's riddle and its figure, from the songbook and the shipped network.

Sound and numbers of the home page are made when the pages are rendered, like those of the chapters,
and stand between two markers of ``build/book/index.md``. ``render.py`` calls :func:`furnish`.
"""

import dataclasses
import re
from pathlib import Path

import numpy as np
import torch

from bytecover_lite.model import ByteCover
from bytecover_lite.notebook import player
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.render import draw, synthesize

# Seeds of works and of versions. The second work was picked because, in this version, it has the
# first one's genre, key and speed.
SONG, OTHER_SONG = 14_600_053, 14_600_127
ASKED, SAME, OTHER = 5, 3, 6
CHANGES = {"key", "tempo", "genre", "timbre", "mix"}
WORKS, TAKES = range(14_700_000, 14_700_012), range(1, 6)  # of the figure
SECONDS = 7.0
_PLACE = re.compile(r"(<!-- riddle: [^\n]*-->\n).*?(<!-- end of riddle -->)", re.DOTALL)
_RIDDLE = """\
## Are these two the same song?

{asked}

One of the next two is the same song. Which?

{first}

{second}

<details><summary>Answer</summary>

**The {answer} one.** It is the same song {change}.
The other one is another song in the same clothes: {disguise}.
Whoever compares sounds is fooled; the network of this book, which never met either song, is
{verdict}.

| distance from the song asked for | first | second |
|---|---|---|
| of the average sound | {sound[0]:.2f} | {sound[1]:.2f} |
| of the network's embeddings | {network[0]:.2f} | {network[1]:.2f} |

</details>

![{alt}]({picture})

*Figure: {n} recordings, {takes} of each of {works} songs, each compared with all others. Dark is
near. Left, by their average sound, {share[0]:.0%} of the {others} nearest are the same song; right,
by the network, {share[1]:.0%}. It was trained on other songs.*
"""
_ALT = (
    "Two squares of cells, one row and one column for every recording. Left, by average sound, "
    "dark cells are scattered everywhere. Right, by the network, they gather in blocks along the "
    "diagonal, one block for each song."
)


def furnish(copy):
    """Put riddle and figure into the copy of the home page.

    Parameters
    ----------
    copy : Path
        The folder from which the site is rendered, with ``index.md`` and ``assets``.
    """
    page, picture = copy / "index.md", copy / "assets" / "home.png"
    model = ByteCover.from_pretrained()
    text = _RIDDLE.format(**riddle(model), **sixty(model, picture), alt=_ALT)
    old = page.read_text(encoding="utf-8")
    new = _PLACE.sub(lambda found: f"{found[1]}{text}{found[2]}", old)
    page.write_text(new, encoding="utf-8")


def versions():
    """Return the version asked about, one of the same work, and one that only sounds like it."""
    song, other = compose(SONG), compose(OTHER_SONG)
    pairs = ((song, ASKED), (song, SAME), (other, OTHER))
    return [arrange(work, take, vary=CHANGES) for work, take in pairs]


def riddle(model):
    """Return players, distances and words of the riddle."""
    asked, same, other = three = versions()
    works = (compose(SONG), compose(SONG), compose(OTHER_SONG))
    clips = [excerpt(work, version) for work, version in zip(works, three, strict=True)]
    captions = ("A song.", "First: the same song?", "Second: or this one?")
    order = (0, 2, 1)  # the right one comes last
    shown = [
        player(clips[place], caption=caption)._repr_html_().replace("\n\n", "\n")
        for place, caption in zip(order, captions, strict=True)
    ]
    pictures = [draw(version, model.config.features) for version in three]
    network = distances(embed(model, pictures))[0, [2, 1]]
    tempos = [work.tempo * one.tempo_factor for work, one in zip(works, three, strict=True)]
    speed = tempos[2] / tempos[0]
    return {
        **dict(zip(("asked", "first", "second"), shown, strict=True)),
        "answer": "second",
        "change": changes(asked, same),
        "disguise": f"{other.genre}, the same key, {speed:.2f} times the speed",
        "verdict": "not" if network[1] < network[0] else "fooled, too",
        "sound": distances(average_sound(pictures))[0, [2, 1]],
        "network": network,
    }


def changes(asked, same):
    """Say in words what differs between two versions of a work."""
    key = same.key_shift - asked.key_shift
    direction = "higher" if key > 0 else "lower"
    speed = same.tempo_factor / asked.tempo_factor
    return (
        f"as {same.genre} instead of {asked.genre}, {abs(key)} semitones {direction} and "
        f"{speed:.2f} times as fast"
    )


def excerpt(work, version):
    """Return the first seconds of a version's chorus, as loud as every other excerpt."""
    place = version.form.index("chorus")
    beats = sum(work.sections[name].beats for name in version.form[:place])
    start = beats * 60 / (work.tempo * version.tempo_factor)
    notes = version.notes[version.notes["start"] >= start - 0.05]
    notes = notes[notes["start"] < start + SECONDS]
    notes["start"] -= notes["start"].min()
    sound = synthesize(dataclasses.replace(version, notes=notes, duration=SECONDS), engine="own")
    return sound * min(0.1 / np.sqrt(np.mean(sound**2)), 0.95 / np.abs(sound).max())


def sixty(model, picture):
    """Draw the figure into ``picture`` and return the numbers of its caption."""
    works = [compose(seed) for seed in WORKS]
    takes = [arrange(work, take) for work in works for take in TAKES]
    pictures = [draw(take, model.config.features) for take in takes]
    cliques = np.repeat(np.arange(len(works)), len(TAKES))
    both = [distances(average_sound(pictures)), distances(embed(model, pictures))]
    ranks = [one.argsort(axis=1).argsort(axis=1) for one in both]  # 0: itself
    same = cliques[:, None] == cliques
    nearest = len(TAKES) - 1
    _plot(ranks, picture)
    return {
        "picture": f"assets/{Path(picture).name}",
        "n": len(takes),
        "takes": len(TAKES),
        "works": len(works),
        "others": nearest,
        "share": [same[(rank > 0) & (rank <= nearest)].mean() for rank in ranks],
    }


def average_sound(pictures):
    """Return the mean level of every semitone of each averaged CQT: (N, 84)."""
    return np.stack([picture.mean(axis=1) for picture in pictures])


def embed(model, pictures):
    """Return the network's embeddings: (N, D)."""
    with torch.inference_mode():
        found = [model(torch.from_numpy(picture)[None]).embedding[0] for picture in pictures]
    return torch.stack(found).numpy()


def distances(vectors):
    """Return one minus the cosine of all pairs: (N, N); a vector is nearest to itself."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = 1 - unit @ unit.T
    np.fill_diagonal(found, -1)
    return found


def _plot(ranks, path):
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.2, 3.2), layout="constrained")  # words a phone can show
    axes = figure.subplots(1, 2)
    scale = {"cmap": "magma", "norm": LogNorm(1, len(ranks[0]) - 1)}
    for axis, rank, title in zip(axes, ranks, ("by their sound", "by the network"), strict=True):
        shown = axis.imshow(np.maximum(rank, 1), interpolation="nearest", **scale)
        axis.set(title=title, xlabel="recordings, song by song", xticks=[], yticks=[])
    axes[0].set_ylabel("recordings, song by song")
    ticks = [1, 2, 4, 10, 20, len(ranks[0]) - 1]
    bar = figure.colorbar(shown, ax=axes, label="place in the row's ranking", shrink=0.8)
    bar.set_ticks(ticks, labels=ticks, minor=False)
    bar.minorticks_off()
    figure.savefig(path, dpi=150, metadata={"Software": None})
