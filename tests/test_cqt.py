"""Laws of the constant-Q transform: parity with librosa, physics, gradients, blocks, memory."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from bytecover_lite.cqt import FeatureError, FeatureSettings, average_frames, cqt, extract

SR = 22050
QUALITY = 17.3262  # centre frequency over bandwidth at 12 bins an octave


def _midi_to_hz(midi):
    return 440.0 * 2.0 ** ((np.asarray(midi) - 69) / 12)


def _noise(seconds, seed=0):
    return np.random.default_rng(seed).standard_normal(int(SR * seconds)).astype(np.float32) / 10


def _music(seconds):
    """Decaying harmonic tones at random times and pitches, over a little noise."""
    rng = np.random.default_rng(1)
    mix = _noise(seconds) / 100
    for _ in range(int(6 * seconds)):
        start = rng.integers(0, len(mix) - 1)
        time = np.arange(min(rng.integers(2000, SR), len(mix) - start)) / SR
        pitch = _midi_to_hz(rng.integers(24, 96))
        for harmonic in range(1, 9):
            partial = np.sin(2 * np.pi * pitch * harmonic * time) * np.exp(-4 * time) / harmonic
            mix[start : start + len(time)] += partial * (pitch * harmonic < 0.9 * SR / 2)
    return mix


def _signal(kind, seconds=12):
    time = np.arange(int(SR * seconds)) / SR
    sweep = np.log(4000 / 30) / seconds
    signal = {
        "music": lambda: _music(seconds),
        "sine": lambda: np.sin(2 * np.pi * 220 * time),
        "chirp": lambda: np.sin(2 * np.pi * 30 * np.expm1(sweep * time) / sweep),
        "impulses": lambda: (np.arange(len(time)) % 11025 == 5000).astype(float),
        "noise": lambda: _noise(seconds),
    }[kind]()
    ramp = np.linspace(0, 1, SR // 2)
    signal[: len(ramp)] *= ramp  # at hard ends librosa's resampler truncates its own ringing
    signal[-len(ramp) :] *= ramp[::-1]
    return signal.astype(np.float32)


def _relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("kind", ["music", "sine", "chirp", "impulses", "noise"])
def test_agrees_with_librosa(kind):
    """Within 3e-3 after averaging, within 1e-2 of the peak in every frame and bin."""
    import librosa

    signal = _signal(kind)
    expected = np.abs(librosa.cqt(signal, sr=SR))
    found = cqt(torch.from_numpy(signal)).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-2 * expected.max()
    assert _relative_error(found, expected) <= 3e-3
    averaged = average_frames(torch.from_numpy(expected)).numpy()
    assert _relative_error(extract(signal), averaged) <= 3e-3


@pytest.mark.parametrize(
    "settings",
    [
        {"n_bins": 60, "hop_length": 256},
        {"n_bins": 96},
        {"n_bins": 80},
        {"n_bins": 7},
        {"fmin": 55.0, "n_bins": 72},
        {"sr": 44100, "hop_length": 1024, "n_bins": 168, "bins_per_octave": 24},
        {"sr": 16000, "fmin": 200.0, "n_bins": 72, "bins_per_octave": 36},
        {"hop_length": 441},
        {"hop_length": 64},
    ],
)
def test_agrees_with_librosa_at_other_settings(settings):
    import librosa

    signal = _signal("noise", seconds=4)
    expected = np.abs(librosa.cqt(signal, **{"sr": SR, **settings}))
    found = cqt(torch.from_numpy(signal), **settings).numpy()
    assert found.shape == expected.shape
    assert _relative_error(found, expected) <= 4e-3
    assert np.abs(found - expected).max() <= 1e-2 * expected.max()


def test_a_sine_peaks_in_the_bin_of_its_pitch():
    """MIDI n peaks in bin n - 24, at half its amplitude times the root of the filter's length."""
    midi = np.arange(24, 108)
    time = np.arange(3 * SR) / SR
    sines = np.sin(2 * np.pi * _midi_to_hz(midi)[:, None] * time)
    spectra = cqt(torch.from_numpy(sines).float())[:, :, 65].numpy()  # (84 sines, 84 bins)
    assert (spectra.argmax(axis=1) == midi - 24).all()
    lengths = QUALITY * SR / _midi_to_hz(midi)
    np.testing.assert_allclose(spectra.diagonal(), np.sqrt(lengths) / 2, rtol=2e-3)


def test_a_semitone_up_shifts_by_exactly_one_bin():
    """A tone with overtones keeps its shape; shorter filters scale it by 2 ** (-1 / 24)."""
    time = np.arange(3 * SR) / SR
    tones = [
        sum(np.sin(2 * np.pi * _midi_to_hz(midi) * h * time) / h for h in range(1, 7))
        for midi in (60, 61)
    ]
    low, high = cqt(torch.from_numpy(np.stack(tones)).float())[:, :, 65].numpy()
    shifted = {k: _relative_error(np.roll(high, -k) * 2 ** (k / 24), low) for k in range(-12, 13)}
    assert min(shifted, key=shifted.get) == 1
    assert shifted[1] < 1e-2


def test_gain_is_linear():
    signal = torch.from_numpy(_music(4))
    torch.testing.assert_close(cqt(8 * signal), 8 * cqt(signal))


def test_a_shift_in_time_shifts_the_frames():
    signal = torch.from_numpy(_music(4))
    later = cqt(torch.nn.functional.pad(signal, (7 * 512, 0)))
    torch.testing.assert_close(later[:, 7:], cqt(signal), rtol=1e-4, atol=1e-5)


def test_silence_gives_zero_with_gradient_zero():
    silence = torch.zeros(2, SR, requires_grad=True)
    spectrogram = cqt(silence)
    spectrogram.sum().backward()
    assert spectrogram.max() < 1e-12
    assert silence.grad.eq(0).all()
    assert cqt(torch.zeros(SR)).eq(0).all()


def test_gradients_are_right():
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(2, 200, dtype=torch.float64, generator=generator, requires_grad=True)
    settings = {"sr": 2000, "hop_length": 128, "n_bins": 6, "bins_per_octave": 2, "fmin": 90.0}
    assert cqt(audio, **settings).dtype == torch.float64
    assert torch.autograd.gradcheck(lambda x: cqt(x, **settings), (audio,), fast_mode=True)


def test_gradients_flow_after_a_call_without_them():
    """Filters cached under inference mode must serve training."""
    settings = {"sr": 8000, "n_bins": 36, "hop_length": 256}
    audio = torch.from_numpy(_noise(1)).requires_grad_()
    with torch.inference_mode():
        expected = cqt(audio, **settings)
    found = cqt(audio, **settings)
    found.sum().backward()
    torch.testing.assert_close(found.detach(), expected.clone())
    assert audio.grad.abs().sum() > 0


def test_a_batch_equals_its_items():
    batch = torch.from_numpy(np.stack([_music(2), _noise(2), 0 * _noise(2), _music(2)[::-1]]))
    together = cqt(batch)
    assert together.shape == (4, 84, 1 + 2 * SR // 512)
    torch.testing.assert_close(together, torch.stack([cqt(item) for item in batch]))
    assert together[2].eq(0).all()  # nothing leaks out of its neighbours


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 51_199, 51_200, SR * 50, SR * 50 + 300])
def test_extract_equals_averaging_the_whole(samples):
    """Whatever the blocks it comes in, up to a signal longer than what is computed at once."""
    signal = _noise(52)[:samples]
    expected = average_frames(cqt(torch.from_numpy(signal))).numpy()
    assert expected.shape == (84, (1 + samples // 512) // 100)
    cuts = np.sort(np.random.default_rng(samples).integers(0, samples + 1, size=9))
    for blocks in (signal, np.split(signal, cuts), iter([signal])):
        found = extract(blocks)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("multiple", [2, 3, 4])
def test_extract_comes_down_from_a_multiple_of_the_rate(multiple):
    """Sines above half the settings' rate, which decimation could fold onto bins, stay unheard."""
    settings = FeatureSettings(averaging=20)
    time = np.arange(10 * multiple * SR) / (multiple * SR)
    music = np.sin(2 * np.pi * 440 * time) + 0.5 * np.sin(2 * np.pi * 3500 * time)
    pitches = range(18_100, multiple * SR // 2, 999)
    above = 0.1 * sum(np.sin(2 * np.pi * pitch * time) for pitch in pitches)
    expected = extract(music[::multiple].astype(np.float32), settings)
    for signal in (music, music + above):
        found = extract(signal.astype(np.float32), settings, multiple=multiple)
        assert found.shape == expected.shape
        assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected)


def test_a_multiple_is_a_count():
    with pytest.raises(FeatureError, match="multiple=0"):
        extract(np.zeros(1000, np.float32), multiple=0)


def test_extract_obeys_the_settings():
    settings = FeatureSettings(
        sample_rate=16000, hop_length=256, n_bins=48, fmin=65.4, averaging=20
    )
    signal = _music(2)
    whole = cqt(torch.from_numpy(signal), sr=16000, hop_length=256, n_bins=48, fmin=65.4)
    expected = average_frames(whole, factor=20).numpy()
    np.testing.assert_allclose(extract(signal, settings), expected, rtol=1e-4, atol=1e-5)


THREE_HOURS = """
import resource
import numpy as np
from bytecover_lite.cqt import extract

block = np.random.default_rng(0).standard_normal(30 * 22050).astype(np.float32)
extract(iter([block] * 4))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
shape = extract(block for _ in range(360)).shape
print(shape[1], (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count peak memory otherwise")
def test_three_hours_need_constant_memory():
    run = subprocess.run(
        [sys.executable, "-c", THREE_HOURS], capture_output=True, text=True, check=True
    )
    frames, megabytes = run.stdout.split()
    assert int(frames) == (1 + 3 * 3600 * SR // 512) // 100
    assert float(megabytes) < 60


def test_average_frames_drops_an_incomplete_group():
    spectrogram = torch.arange(2 * 3 * 7, dtype=torch.float32).reshape(2, 3, 7)
    means = average_frames(spectrogram, factor=3)
    assert means.shape == (2, 3, 2)
    torch.testing.assert_close(means[1, 2], spectrogram[1, 2, :6].reshape(2, 3).mean(1))


def test_default_settings_are_the_papers():
    assert FeatureSettings().seconds_per_frame == pytest.approx(100 * 512 / 22050)
    assert FeatureSettings(averaging=40) != FeatureSettings()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_bins": 120}, "half the rate"),
        ({"hop_length": 0}, "hop_length=0"),
        ({"n_bins": 84.5}, "n_bins=84.5"),
        ({"bins_per_octave": -12}, "bins_per_octave=-12"),
        ({"fmin": 0.0}, "fmin=0.0"),
        ({"averaging": 0}, "averaging=0"),
        ({"averaging": float("nan")}, "averaging=nan"),
        ({"n_bins": 84.0}, "n_bins=84.0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(FeatureError, match=message):
        FeatureSettings(**settings)


@pytest.mark.parametrize(
    "audio", [torch.zeros(1000, dtype=torch.int16), torch.zeros(1, 2, 1000), torch.tensor(0.0)]
)
def test_audio_of_another_kind_is_refused(audio):
    with pytest.raises(FeatureError, match="float samples"):
        cqt(audio)


@pytest.mark.parametrize("samples", [np.zeros((2, 1000), np.float32), np.zeros(1000, np.int16)])
def test_samples_of_another_kind_are_refused(samples):
    for given in (samples, iter([samples])):
        with pytest.raises(FeatureError, match="mono float samples"):
            extract(given)


@pytest.mark.gpu
def test_the_gpu_agrees_with_the_cpu():
    batch = torch.from_numpy(np.stack([_music(8), _noise(8)]))
    torch.testing.assert_close(cqt(batch.cuda()).cpu(), cqt(batch), rtol=1e-4, atol=1e-5)


def test_a_batch_of_nothing_gives_a_batch_of_nothing():
    assert cqt(torch.zeros(0, 22050)).shape == (0, 84, 44)
