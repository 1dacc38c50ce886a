"""Laws of the changes made while training."""

import numpy as np
import pytest
import torch

from bytecover_lite.augment import (
    Augmentation,
    AugmentationError,
    augment,
    change_tempo,
    transpose,
)
from bytecover_lite.cqt import average_frames, cqt

FULL = Augmentation(transpose_semitones=6, tempo=(0.8, 1.25), mask_frequency=12, mask_time=9)


@pytest.fixture(scope="module")
def spectrograms():
    generator = np.random.default_rng(0)
    return [generator.random((84, n)).astype(np.float16) for n in (130, 40, 75, 60, 200, 33)]


def crops(spectrograms, augmentation, *, frames=50, seed=0):
    return augment(spectrograms, augmentation, np.random.default_rng(seed), frames=frames)


@pytest.mark.parametrize("bins", [-84, -83, -7, -1, 0, 1, 12, 83, 84, 100])
def test_up_and_down_again_is_the_identity_inside_the_band_and_nothing_wraps_around(bins):
    spectrogram = torch.rand(3, 84, 10) + 1
    there_and_back = transpose(transpose(spectrogram, bins), -bins)
    kept = slice(max(0, -bins), max(0, 84 - max(0, bins)))
    assert torch.equal(there_and_back[:, kept], spectrogram[:, kept])
    lost = torch.ones(84, dtype=torch.bool)
    lost[kept] = False
    assert not there_and_back[:, lost].any()


def test_transposing_the_features_is_transposing_the_sound_up_to_its_loudness():
    time = torch.arange(3 * 22050) / 22050
    notes = 261.6256 * 2 ** (torch.tensor([[0.0], [5.0]]) / 12)
    spectrogram = average_frames(cqt(torch.sin(2 * torch.pi * notes * time)), factor=50)
    moved = transpose(spectrogram[0], 5) * 2 ** (-5 / 24)
    assert (moved - spectrogram[1]).norm() < 0.02 * spectrogram[1].norm()


def test_the_recorded_tempo_is_the_identity():
    spectrogram = torch.rand(84, 31)
    assert torch.equal(change_tempo(spectrogram, 1.0), spectrogram)


@pytest.mark.parametrize("factor", [0.5, 0.7, 0.8, 1.25, 1.3, 2.0, 3.0])
def test_a_change_of_tempo_rescales_time_and_nothing_else(factor):
    centre = torch.arange(40) + 0.5  # frame t is the mean over [t, t + 1)
    spectrogram = torch.stack([centre, torch.ones(40)])
    played = change_tempo(spectrogram, factor)
    assert played.shape[1] == int(40 / factor)
    expected = (torch.arange(played.shape[1]) + 0.5) * factor
    inside = (expected > 0.5) & (expected < 39.5)
    assert inside.any()
    torch.testing.assert_close(played[0, inside], expected[inside])
    torch.testing.assert_close(played[1], torch.ones(played.shape[1]))


def test_a_recording_shorter_than_one_new_frame_becomes_its_mean():
    spectrogram = torch.rand(84, 3)
    assert torch.equal(change_tempo(spectrogram, 3.5), spectrogram.mean(1, keepdim=True))


def test_without_augmentation_a_crop_is_a_piece_of_its_recording(spectrograms):
    for seed in range(20):
        cut = crops(spectrograms, Augmentation(), frames=30, seed=seed).numpy()
        for crop, spectrogram in zip(cut, spectrograms, strict=True):
            pieces = np.lib.stride_tricks.sliding_window_view(spectrogram, 30, axis=1)
            assert (pieces == crop[:, None]).all((0, 2)).sum() == 1


def test_every_place_of_a_recording_is_cut():
    recording = np.arange(8, dtype=np.float16)[None].repeat(84, 0)
    starts = {int(crops([recording], Augmentation(), frames=5, seed=s)[0, 0, 0]) for s in range(99)}
    assert starts == {0, 1, 2, 3}


def test_a_short_recording_is_surrounded_by_zeros_at_every_place():
    recording = np.ones((84, 3), dtype=np.float16)
    starts = set()
    for seed in range(99):
        crop = crops([recording], Augmentation(), frames=5, seed=seed)[0]
        assert crop.sum() == 84 * 3
        starts.add(int(crop[0].argmax()))
    assert starts == {0, 1, 2}


@pytest.mark.parametrize("frames", [1, 50, 300])
def test_crops_have_the_length_that_was_asked_for_whatever_is_changed(spectrograms, frames):
    result = crops(spectrograms, FULL, frames=frames)
    assert result.shape == (len(spectrograms), 84, frames)
    assert result.dtype == torch.float32 and result.isfinite().all()


def test_a_faster_crop_covers_more_of_the_recording():
    recording = np.arange(1000, dtype=np.float16)[None].repeat(84, 0)
    for factor in (0.7, 1.0, 1.3):
        crop = crops([recording], Augmentation(tempo=(factor, factor)), frames=100)[0, 0]
        assert (crop[-2] - crop[1]).item() == pytest.approx(97 * factor, abs=0.01)


def test_the_same_seed_gives_the_same_crops_and_another_seed_others(spectrograms):
    assert torch.equal(crops(spectrograms, FULL), crops(spectrograms, FULL))
    assert not torch.equal(crops(spectrograms, FULL), crops(spectrograms, FULL, seed=1))


def test_the_generator_of_torch_is_left_alone(spectrograms):
    before = torch.random.get_rng_state()
    first = crops(spectrograms, FULL)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(5)
    assert torch.equal(crops(spectrograms, FULL), first)


def test_transposition_moves_each_crop_by_a_step_of_its_own_within_the_limits(spectrograms):
    plain = crops(spectrograms * 10, Augmentation(), frames=30)
    moved = crops(spectrograms * 10, Augmentation(transpose_semitones=2), frames=30)
    steps = []
    for one, other in zip(plain, moved, strict=True):
        steps += [k for k in range(-84, 85) if torch.equal(transpose(one, k), other)]
    assert len(steps) == len(plain) and set(steps) == {-2, -1, 0, 1, 2}


def test_finer_bins_move_by_as_many_bins_as_make_semitones(spectrograms):
    up = Augmentation(transpose_semitones=1)
    plain = crops(spectrograms, Augmentation(), frames=30)
    moved = augment(spectrograms, up, np.random.default_rng(0), frames=30, bins_per_semitone=3)
    for one, other in zip(plain, moved, strict=True):
        assert any(torch.equal(transpose(one, k), other) for k in (-3, 0, 3))


@pytest.mark.parametrize(
    ("augmentation", "axis", "widest"),
    [(Augmentation(mask_frequency=12), 0, 12), (Augmentation(mask_time=9), 1, 9)],
)
def test_a_mask_is_one_stretch_of_zeros_and_leaves_the_rest(
    spectrograms, augmentation, axis, widest
):
    ones = [np.ones((84, 60), dtype=np.float16)] * 40
    widths = []
    for crop in crops(ones, augmentation):
        lines = crop.amax(1 - axis)
        assert torch.equal(lines, crop.amin(1 - axis))  # a line is masked as a whole or not at all
        changes = lines.diff().abs().sum() + (lines[0] == 0) + (lines[-1] == 0)
        assert changes in (0, 2)
        widths.append(int((lines == 0).sum()))
    assert 0 < max(widths) <= widest and len(set(widths)) > 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"transpose_semitones": -1},
        {"mask_time": -1},
        {"mask_frequency": -3},
        {"tempo": (0.0, 1.0)},
        {"tempo": (1.2, 0.8)},
        {"tempo": (1.0, float("inf"))},
    ],
)
def test_values_without_a_meaning_are_refused_by_name(wrong):
    with pytest.raises(AugmentationError, match=next(iter(wrong))):
        Augmentation(**wrong)
