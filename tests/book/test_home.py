"""Laws of what the tools put on the home page."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

import home
import readme
from bytecover_lite.model import ByteCover

BOOK = Path(__file__).resolve().parents[2] / "book"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the book with a furnished home page, its figure of three works only."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "assets").mkdir()
    shutil.copy(BOOK / "index.md", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home, "WORKS", home.WORKS[:3])
        home.furnish(folder)
        yield folder


def test_three_players_sound(copy):
    page = (copy / "index.md").read_text(encoding="utf-8")
    sounds = re.findall(r'data:audio/mpeg;base64,([^"]+)"', page)
    assert len(sounds) == 3
    for sound in sounds:
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)))
        assert 5 < len(samples) / rate < 10
        assert np.sqrt(np.mean(samples**2)) > 0.05
    assert len(page) < 400_000


def test_the_answer_is_folded_and_computed(copy):
    """No number of the riddle is written in the committed page."""
    page = (copy / "index.md").read_text(encoding="utf-8")
    assert page.index("<details>") < page.index("The second one.") < page.index("</details>")
    committed = (BOOK / "index.md").read_text(encoding="utf-8")
    assert "<details>" not in committed and "<audio" not in committed


def test_the_riddle_has_a_point():
    """By average sound the other song is the nearer one, by the network it is the same song."""
    found = home.riddle(ByteCover.from_pretrained())
    other, same = found["sound"]
    assert other < same
    other, same = found["network"]
    assert same < other


def test_the_other_song_wears_the_same_clothes():
    asked, same, other = three = home.versions()
    works = [home.compose(seed) for seed in (home.SONG, home.SONG, home.OTHER_SONG)]
    keys = [(work.tonic + one.key_shift) % 12 for work, one in zip(works, three, strict=True)]
    assert asked.genre == other.genre != same.genre
    assert keys[0] == keys[2] != keys[1]


def test_furnishing_twice_changes_nothing(copy):
    files = [copy / "index.md", copy / "assets" / "home.png"]
    before = [path.read_bytes() for path in files]
    home.furnish(copy)
    assert [path.read_bytes() for path in files] == before


def test_the_glance_shows_every_score_of_its_corpora():
    """And each score stands once: nothing is left out, nothing is typed."""
    table = readme.glance()
    for path in readme.score_files():
        for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
            if row["corpus"] in readme.CORPORA:
                assert readme.SYSTEMS[row["system"]] in table
                assert f"{row['map']:.3f}" in table
    for path in (readme.ROOT / "book" / "results").glob("testtime_*.json"):
        rows = {row["system"]: row for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}
        for system in ("tempi+csls", "tempi+csls+qe"):
            assert f"{rows[system]['map']:.3f}" in table
    assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1
