"""Laws of how versions for training are played: moving parts, few players (your own corpus)."""

from itertools import combinations

import numpy as np
import pytest

from bytecover_lite.recipes import SHIPPED
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.cast import ALL_GROUPS, DRONES
from bytecover_lite.songbook.choir import _divide
from bytecover_lite.songbook.compose import HYMNS, TUNES, compose
from bytecover_lite.songbook.corpus import PRESETS
from bytecover_lite.songbook.style import choose_style
from bytecover_lite.songbook.theory import LINE_DTYPE

PARTS = ("lead", "alto", "tenor", "low")


def taste(seed):
    return np.random.Generator(np.random.PCG64(seed))


def played(seeds, difficulty):
    """Return (work, style, version) of two versions of each work."""
    for seed in seeds:
        work = compose(seed)
        for number in (1, 2):
            style = choose_style(work, number, difficulty, None)
            yield work, style, arrange(work, number, difficulty=difficulty)


def of_part(version, name):
    """Return the notes of the first part of that name."""
    return version.notes[version.notes["part"] == [p.name for p in version.parts].index(name)]


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_notes_are_divided_without_gaps_or_overlaps_through_tones_of_the_scale(share):
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    walk = taste(0).integers(-4, 12, 400)
    line = np.zeros(400, LINE_DTYPE)
    line["start"], line["duration"] = np.arange(400), 1
    line["pitch"] = 12 * (walk // 7) + scale[walk % 7]
    divided = _divide(line.copy(), scale, taste(1), share)
    divided = divided[np.argsort(divided["start"])]
    assert len(divided) == pytest.approx(400 * (1 + share), abs=40)
    ends = divided["start"] + divided["duration"]
    assert np.array_equal(ends[:-1], divided["start"][1:])
    assert np.isin(divided["pitch"] % 12, scale).all()
    at = divided["start"].astype(int)
    first = divided["start"] == at
    assert np.array_equal(divided["pitch"][first], line["pitch"])  # what was there still comes
    inner = divided[~first & (at < 399)]
    before, after = (line["pitch"][inner["start"].astype(int) + i] for i in (0, 1))
    assert (inner["pitch"] != before).all()
    wide = np.abs(after - before) > 2
    between = (inner["pitch"] - before) * (after - inner["pitch"])
    assert (between[wide] > 0).all()
    assert (np.abs(inner["pitch"] - before)[~wide] <= 2).all()


def test_polyphony_has_more_notes_and_less_equal_parts_than_a_setting():
    density, levels, groups = {}, {}, set()
    for difficulty in ("setting", "polyphony"):
        found = [
            (version, style)
            for _, style, version in played(HYMNS[:25], difficulty)
            if style.consort is not None and style.accompanied
        ]
        assert len(found) > 20
        density[difficulty] = np.median(
            [
                sum(len(of_part(v, name)) for name in PARTS[1:]) / len(of_part(v, "lead"))
                for v, _ in found
            ]
        )
        gains = [[next(p.gain for p in v.parts if p.name == n) for n in PARTS] for v, _ in found]
        levels[difficulty] = np.std(20 * np.log10(gains))
        groups |= {style.consort for _, style in found if style.texture.moving}
    assert density["polyphony"] > 1.25 * density["setting"]
    assert levels["polyphony"] > 3 > levels["setting"]
    assert all(group < len(ALL_GROUPS) for group in groups) and len(groups) > 12


def test_lower_parts_stay_below_the_tune_on_average():
    for _, style, version in played(HYMNS[:20], "polyphony"):
        if style.consort is not None and style.accompanied and style.lead_octave > 60:
            means = [of_part(version, name)["pitch"].mean() for name in PARTS]
            assert means[0] > means[1] > means[3] and means[0] > means[2] > means[3]


def test_a_session_is_a_tune_with_few_others():
    sizes, drones = [], 0
    for work, style, version in played(TUNES[:40], "session"):
        others = {p.name for p in version.parts if not p.drums} - {"lead", "hook"}
        sizes.append(len(others))
        assert "lead" in {p.name for p in version.parts} and style.sung
        assert {"intro", "solo", "outro"}.isdisjoint(version.form) and version.form
        if "drone" in others:
            drones += 1
            held = of_part(version, "drone")
            part = version.parts[held["part"][0]]
            assert part.program in DRONES
            tonic = work.tonic + style.key_shift
            classes = {round(float(p)) % 12 for p in held["pitch"]}
            assert {tonic % 12, (tonic + 7) % 12} <= classes
            silent = version.duration - held["duration"].sum() / 3
            assert silent < 0.05 * version.duration + 2
    assert max(sizes) <= 3 and np.mean(np.array(sizes) == 0) > 0.2 and drones > 10


@pytest.mark.parametrize(("difficulty", "seeds"), [("session", TUNES), ("polyphony", HYMNS)])
def test_tempi_lie_as_far_apart_as_bands_take_them(difficulty, seeds):
    factors = [version.tempo_factor for *_, version in played(seeds[:60], difficulty)]
    low, high = np.quantile(factors, (0.05, 0.95))
    assert low < 0.8 and high > 1.35 and 0.9 < np.median(factors) < 1.15


def test_a_few_of_any_song_can_play_it():
    """Also the songs that own their chords, whose form begins with an intro."""
    for seed in range(6):
        for difficulty in ("session", "polyphony"):
            version = arrange(compose(seed), 1, difficulty=difficulty)
            assert "intro" not in version.form and len(of_part(version, "lead"))


def test_stages_of_the_shipped_training_share_no_work_nor_do_the_validation_sets():
    stages = ("large", "wide", *(r.__name__ for r in SHIPPED[3:]))  # `long` and `fine`: the same
    chosen = [b for name in stages for b in PRESETS[name] if b.split == "train"]
    chosen += [
        b for name in ("tunes", "hymns", "session", "polyphony", "school") for b in PRESETS[name]
    ]
    ranges = {}
    for block in chosen:
        assert block.seeds.startswith("validation") == (block.split == "validation")
        ranges.setdefault(block.seeds, []).append((block.skip, block.skip + block.works))
    assert len(ranges) == 7
    for spans in ranges.values():
        for (a, b), (c, d) in combinations(spans, 2):
            assert b <= c or d <= a
