"""Baselines: what they must not notice, and what they must."""

import numpy as np
import pytest

from bytecover_lite.baselines import (
    BaselineError,
    chroma,
    chroma_distances,
    random_distances,
    two_dftm,
    two_dftm_distances,
)
from bytecover_lite.qmax import QmaxError, qmax, qmax_distances, recurrence_plot
from bytecover_lite.ranking import relevance
from bytecover_lite.retrieval import chance, evaluate


def piece(seed, frames=160):
    """Constant-Q magnitudes of chords that last two to five frames, with a noise floor."""
    generator = np.random.default_rng(seed)
    found = 0.05 * generator.random((84, frames))
    start = 0
    while start < frames:
        stop = start + generator.integers(2, 6)
        root = generator.integers(36, 48)
        found[np.ix_(root + np.array([0, 4, 7, 12]), range(start, min(stop, frames)))] += 1
        start = stop
    return found.astype(np.float32)


def transpose(features, semitones):
    """By rotation, as if there were no lowest and highest bin."""
    return np.roll(features, semitones, axis=0)


METHODS = (chroma_distances, two_dftm_distances, qmax_distances)


@pytest.mark.parametrize("distances", METHODS)
@pytest.mark.parametrize("semitones", [1, 5, 11])
def test_key_does_not_matter(distances, semitones):
    pieces = [piece(seed) for seed in range(4)]
    expected = distances(pieces)
    pieces[1] = transpose(pieces[1], semitones)
    assert distances(pieces) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("distances", METHODS)
def test_loudness_does_not_matter(distances):
    pieces = [piece(seed) for seed in range(3)]
    louder = [100 * pieces[0], *pieces[1:]]
    assert distances(louder) == pytest.approx(distances(pieces), abs=1e-3)


@pytest.mark.parametrize("distances", METHODS)
def test_versions_are_nearer_than_strangers(distances):
    """A version: another key, other noise, and eighty frames of another piece in front."""
    pieces, cliques = [], []
    for work in range(8):
        noise = 0.1 * np.random.default_rng(100 + work).random((84, 160))
        version = np.concatenate([piece(50 + work, 20), piece(work) + noise], axis=1)
        pieces += [piece(work), transpose(version, 3 * work % 12)]
        cliques += [work, work]
    assert evaluate(distances(pieces), cliques).map > 0.75
    assert distances(pieces).shape == (16, 16)
    assert distances(pieces).dtype == np.float32


@pytest.mark.parametrize("distances", [chroma_distances, two_dftm_distances])
def test_symmetric_and_zero_to_itself(distances):
    found = distances([piece(0), piece(1), transpose(piece(0), 2)])
    assert found == pytest.approx(found.T)
    assert np.diag(found) == pytest.approx(0, abs=2e-3)
    assert found[0, 2] == pytest.approx(0, abs=2e-3)


def test_time_shift_moves_2dftm_little():
    """Patches at every frame: starting the recording ten frames later drops ten of them."""
    original, later, other = piece(0, 300), piece(0, 300)[:, 10:], piece(1, 300)
    found = two_dftm_distances([original, later, other])
    assert found[0, 1] < 0.2 * found[0, 2]


def test_rotation_leaves_the_2dftm_itself_alone():
    assert two_dftm(transpose(piece(0), 5)) == pytest.approx(two_dftm(piece(0)), abs=1e-6)


def test_short_and_silent_versions_are_described():
    assert np.linalg.norm(two_dftm(piece(0, 30))) == pytest.approx(1)
    assert (two_dftm(np.zeros((84, 90))) == 0).all()
    assert np.isfinite(two_dftm_distances([piece(0, 30), np.zeros((84, 90))])).all()


def test_chance_scores_chance():
    """One match among 999 others: MAP is the mean of 1 / rank, which is H(999) / 999."""
    cliques = np.arange(1000) // 2
    expected = (1 / np.arange(1, 1000)).sum() / 999
    scores = evaluate(random_distances(1000), cliques)
    assert scores.map == pytest.approx(expected, rel=0.35)
    assert scores.mr1 == pytest.approx(500, rel=0.1)


def test_the_mean_of_all_orders_is_what_many_draws_come_near():
    """Works of 4 versions, a work of 2 and a recording that is alone."""
    cliques = [0] * 4 + [1] * 4 + [2] * 2 + [3]
    labels = relevance(cliques, query_ids=range(len(cliques)))
    exact = chance(labels, k=3)
    draws = [
        evaluate(random_distances(len(cliques), seed=seed), cliques, k=3) for seed in range(2000)
    ]
    for measure in ("map", "mr1", "p_at_k", "mrr", "top1", "top5"):
        mean = np.mean([getattr(scores, measure) for scores in draws])
        assert getattr(exact, measure) == pytest.approx(mean, rel=0.03), measure
    assert exact.n_queries == 10 and exact.n_lone == 1


def test_the_precision_of_chance_has_a_formula():
    """A match at rank i has (i - 1)(R - 1) / (n - 1) others before it, on average."""
    cliques = np.repeat(np.arange(80), 4)
    n, matches, harmonic = 319, 3, (1 / np.arange(1, 320)).sum()
    expected = ((matches - 1) / (n - 1) * (n - harmonic) + harmonic) / n
    assert chance(relevance(cliques, query_ids=range(320))).map == pytest.approx(expected)


def test_chance_is_drawn_from_its_seed():
    assert (random_distances(20, seed=1) == random_distances(20, seed=1)).all()
    assert (random_distances(20, seed=1) != random_distances(20, seed=2)).any()


def test_chroma_folds_octaves_and_removes_what_all_classes_share():
    features = np.full((84, 1), 0.3)
    features[[0, 24, 7]] += 1  # C twice, G once
    expected = np.zeros(12)
    expected[[0, 7]] = 1, 0.5
    assert chroma(features)[:, 0] == pytest.approx(expected, abs=1e-6)


def test_ready_chroma_passes():
    twelve = chroma(piece(0))
    assert chroma(twelve) == pytest.approx(twelve)


@pytest.mark.parametrize("shape", [(80, 5), (84,), (84, 0), (2, 84, 5)])
def test_what_is_no_constant_q_is_refused(shape):
    with pytest.raises(BaselineError, match="whole octaves"):
        chroma(np.ones(shape))


def plain_qmax(plot, onset, extension):
    """The recursion of the paper, cell by cell."""
    score = np.zeros(plot.shape)
    for i in range(2, plot.shape[0]):
        for j in range(2, plot.shape[1]):
            before = [(i - 1, j - 1), (i - 2, j - 1), (i - 1, j - 2)]
            if plot[i, j]:
                score[i, j] = max(score[cell] for cell in before) + 1
            else:
                cost = [score[cell] - (onset if plot[cell] else extension) for cell in before]
                score[i, j] = max(0, *cost)
    return score.max(initial=0)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize(("onset", "extension"), [(0.5, 0.5), (5, 0.5), (0, 0)])
def test_qmax_equals_plain_loops(share, onset, extension):
    generator = np.random.default_rng(0)
    for shape in ((30, 40), (41, 23), (2, 9), (1, 1)):
        plot = generator.random(shape) < share
        found = qmax(plot, onset=onset, extension=extension)
        assert found == pytest.approx(plain_qmax(plot, onset, extension))


@pytest.mark.parametrize(("gap", "cost"), [(0, 0), (1, 2), (2, 2), (3, 2.5), (4, 3)])
def test_qmax_of_a_constructed_trace(gap, cost):
    """Ten states, a gap, ten states: the gap costs 2 for its first step and 0.5 for others.

    Gaps are crossed in the fewest steps: two over two states need one step beside the diagonal,
    (2, 1) and then (1, 2).
    """
    plot = np.zeros((30, 30), dtype=bool)
    steps = [*range(2, 12), *range(12 + gap, 22 + gap)]
    plot[steps, steps] = True
    assert qmax(plot, onset=2, extension=0.5) == 20 - cost
    assert qmax(plot, onset=20, extension=20) == (20 if gap == 0 else 10)


def test_qmax_follows_half_and_double_tempo():
    plot = np.zeros((60, 60), dtype=bool)
    steps = np.arange(1, 29)
    plot[2 * steps, steps + 1] = True
    assert qmax(plot) == qmax(plot.T) == len(steps)
    plot = np.zeros((60, 60), dtype=bool)
    plot[3 * np.arange(1, 19), np.arange(1, 19)] = True  # three times as fast is too much
    assert qmax(plot) < 4


def plain_recurrence(query, reference, stack, neighbours):
    states = [
        np.lib.stride_tricks.sliding_window_view(one, stack, axis=1).transpose(1, 0, 2)
        for one in (query, reference)
    ]
    left, right = (one.reshape(len(one), -1).astype(float) for one in states)
    distances = np.linalg.norm(left[:, None] - right, axis=2)
    near = []
    for axis, size in ((1, len(right)), (0, len(left))):
        nearest = max(1, int(np.ceil(neighbours * size)))
        limit = np.sort(distances, axis=axis).take([nearest - 1], axis=axis)
        near.append(distances <= limit)
    return near[0] & near[1]


@pytest.mark.parametrize("neighbours", [0.01, 0.095, 0.5, 1])
def test_recurrence_equals_sorting(neighbours):
    query, reference = chroma(piece(0, 60)), chroma(piece(1, 45))
    generator = np.random.default_rng(0)
    query, reference = (one + 0.01 * generator.random(one.shape) for one in (query, reference))
    found = recurrence_plot(query, reference, stack=7, neighbours=neighbours)
    assert (found == plain_recurrence(query, reference, 7, neighbours)).all()


def test_a_piece_recurs_with_itself_along_the_diagonal():
    sequence = chroma(piece(0))
    plot = recurrence_plot(sequence, sequence)
    assert np.diag(plot).all()
    assert qmax(plot) == len(plot) - 2  # the paper starts at the third state


def test_qmax_distance_of_a_copy():
    """150 states, a trace of 148 of them."""
    found = qmax_distances([piece(0, 158), piece(0, 158)])
    assert found[0, 1] == pytest.approx(np.sqrt(150) / 148)


def test_qmax_distances_grow_with_the_reference():
    """Both directions share the trace; the longer reference divides it by more."""
    found = qmax_distances([piece(0, 160), piece(0, 80)])
    lengths = np.array([160, 80]) - 9 + 1
    assert found[0, 1] / found[1, 0] == pytest.approx(np.sqrt(lengths[1] / lengths[0]))


def test_qmax_needs_one_state():
    with pytest.raises(QmaxError, match="version 1 has 8 frames, Qmax needs 9"):
        qmax_distances([piece(0), piece(1, 8)])


def test_essentia_finds_the_same_trace():
    essentia = pytest.importorskip("essentia.standard", reason="essentia is not installed")
    plot = recurrence_plot(chroma(piece(0)), chroma(piece(1)))
    similarity = essentia.CoverSongSimilarity(disOnset=0.5, disExtension=0.5)
    matrix, _ = similarity(plot.astype(np.float32))
    assert qmax(plot) == pytest.approx(np.max(matrix))
