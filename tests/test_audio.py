"""Laws of reading audio files: the same sound from every format, a name for every defect."""

import contextlib
import itertools
import logging
import os
import re
import socket
import struct
import threading
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bytecover_lite import audio
from bytecover_lite.audio import _ahead, encode_mp3, load_audio, stream_audio, write_wav
from bytecover_lite.cqt import FeatureSettings, extract
from bytecover_lite.decoders import open_reader

RATE = 22050
SECONDS = 3.0
AV_CODECS = {  # what libsndfile does not write
    "m4a": ("mp4", "aac"),
    "webm": ("webm", "libopus"),
    "mka": ("matroska", "aac"),
    "mov": ("mov", "alac"),
    "wma": ("asf", "wmav2"),
}
SUFFIXES = ["wav", "flac", "aiff", "ogg", "opus", "mp3", *AV_CODECS]
LAME_GAIN = 0.95  # of what it encodes at a constant bit rate


def tone(rate=RATE, seconds=SECONDS, frequency=441.0):
    time = np.arange(int(rate * seconds)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def encode(path, samples, rate=RATE):
    """Write (n,) or (n, channels) samples in the format of the path's suffix."""
    suffix = path.suffix[1:]
    if suffix in AV_CODECS:
        encode_with_av(path, samples, rate, *AV_CODECS[suffix])
    elif suffix == "opus":
        soundfile.write(path, samples, rate, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, samples, rate)
    return path


def encode_with_av(path, samples, rate, container, codec):
    stereo = np.atleast_2d(samples.T).astype(np.float32)  # (channels, n)
    with av.open(str(path), "w", format=container) as out:
        layout = "stereo" if len(stereo) == 2 else "mono"
        stream = out.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 128_000
        wanted = stream.codec_context.format.name
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(stereo), "fltp", layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            wanted, layout, rate, frame_size=stream.codec_context.frame_size or 1024
        )
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            out.mux(stream.encode(part))


def riff(data, *, rate=RATE, channels=1, bits=16, kind=1, size=None):
    """Return a wav file with whatever header one likes."""
    step = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, (rate * step) % (1 << 32), step, bits)
    size = len(data) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", (len(body) + size - len(data)) % (1 << 32)) + body


def frequency(samples, rate=RATE):
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    return spectrum.argmax() * rate / (1 << 18)


@pytest.mark.parametrize(
    ("suffix", "rate"),
    [
        (suffix, rate)
        for suffix in SUFFIXES
        for rate in (22050, 44100, 48000)
        if suffix not in ("opus", "webm") or rate == 48000  # Opus knows no other of these
    ],
)
def test_every_format_gives_the_same_sound(tmp_path, suffix, rate):
    file = encode(tmp_path / f"tone.{suffix}", np.stack([tone(rate)] * 2, 1), rate)
    samples = load_audio(file)
    assert samples.dtype == np.float32
    assert abs(len(samples) / RATE - SECONDS) < 0.13
    assert frequency(samples) == pytest.approx(441, abs=0.5)
    middle = samples[RATE : 2 * RATE]
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_what_write_wav_writes_is_read_back_to_half_a_step(tmp_path):
    samples = np.random.default_rng(0).uniform(-1, 1, 9000).astype(np.float32)
    write_wav(tmp_path / "noise.wav", samples)
    assert np.abs(load_audio(tmp_path / "noise.wav") - samples).max() <= 1 / 32768 + 1e-7
    assert os.listdir(tmp_path) == ["noise.wav"]


@pytest.mark.parametrize("rate", audio.MP3_RATES)
def test_an_encoded_mp3_sounds_the_same(tmp_path, rate):
    (tmp_path / "player.mp3").write_bytes(encode_mp3(tone(rate), sr=rate))
    samples = load_audio(tmp_path / "player.mp3", sr=rate)
    assert len(samples) == len(tone(rate))
    assert np.abs(samples - LAME_GAIN * tone(rate))[rate : 2 * rate].max() < 0.01


def test_an_mp3_of_two_channels_keeps_them_apart(tmp_path):
    both = np.stack([tone(), tone(frequency=660.0)], 1)
    (tmp_path / "two.mp3").write_bytes(encode_mp3(both))
    found, _ = soundfile.read(tmp_path / "two.mp3")
    assert found.shape == both.shape
    assert np.abs(found - LAME_GAIN * both)[RATE : 2 * RATE].max() < 0.01


@pytest.mark.parametrize("call", [lambda path, x: write_wav(path, x), lambda _, x: encode_mp3(x)])
@pytest.mark.parametrize("bad", [1.5, np.nan])
def test_samples_that_would_be_clipped_are_refused(tmp_path, call, bad):
    with pytest.raises(audio.AudioOutOfRange, match=f"samples reach {bad}"):
        call(tmp_path / "x.wav", np.full(100, bad))
    assert not list(tmp_path.iterdir())


def test_an_mp3_of_nothing_is_empty(tmp_path):
    (tmp_path / "nothing.mp3").write_bytes(encode_mp3(np.zeros(0)))
    with pytest.raises(audio.AudioError):
        load_audio(tmp_path / "nothing.mp3")


def test_what_mp3_does_not_know_is_refused():
    with pytest.raises(audio.AudioOutOfRange, match="mp3 has no 1 channels at 12345 Hz"):
        encode_mp3(tone(), sr=12345)
    with pytest.raises(audio.AudioOutOfRange, match="mp3 has no 3 channels"):
        encode_mp3(np.zeros((900, 3)))


@pytest.mark.parametrize(
    ("suffix", "channels"), [*(("wav", n) for n in (1, 2, 3, 6, 8)), ("mov", 1), ("mov", 2)]
)
def test_mono_is_the_mean_of_the_channels(tmp_path, suffix, channels):
    block = np.random.default_rng(0).uniform(-0.9, 0.9, (RATE, channels)).astype(np.float32)
    samples = load_audio(encode(tmp_path / f"noise.{suffix}", block))
    np.testing.assert_allclose(samples, block.mean(1), atol=1e-4)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_both_decoders_agree_on_every_sample_format(tmp_path, monkeypatch, subtype):
    block = np.random.default_rng(0).uniform(-0.9, 0.9, (5000, 2))
    soundfile.write(tmp_path / "noise.wav", block, RATE, subtype=subtype)
    first = load_audio(tmp_path / "noise.wav")
    monkeypatch.setattr("bytecover_lite.decoders.SNDFILE_MAGIC", ())
    monkeypatch.setattr("bytecover_lite.decoders.AV_FORMATS", "wav")
    stream = stream_audio(tmp_path / "noise.wav")
    assert stream.decoder == "FFmpeg"
    np.testing.assert_allclose(np.concatenate(list(stream)), first, atol=1e-6)


@pytest.mark.parametrize("rate", [1000, 8000, 16000, 44100, 96000, 384000])
def test_a_rate_of_its_own_is_resampled_like_the_whole_recording_and_said(tmp_path, caplog, rate):
    samples = tone(rate, frequency=220.5)
    file = encode(tmp_path / "tone.wav", samples, rate)
    with caplog.at_level(logging.INFO, logger="bytecover_lite"):
        stream = stream_audio(file)
        blocks = np.concatenate(list(stream))
    whole = soxr.resample(soundfile.read(file, dtype="float32")[0], rate, RATE)
    np.testing.assert_allclose(blocks, whole, atol=1e-5)
    assert frequency(blocks) == pytest.approx(220.5, abs=0.5)
    note = f"resampled from {rate} to 22050 Hz"
    assert note in stream.notes and note in caplog.text and str(file) in caplog.text
    assert (f"nothing above {rate // 2} Hz" in stream.notes) == (rate < RATE)


def test_a_file_at_the_right_rate_is_not_touched(tmp_path):
    stream = stream_audio(encode(tmp_path / "tone.wav", tone()))
    list(stream)
    assert stream.notes == [] and stream.seconds == SECONDS


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a"])
def test_blocks_of_any_length_are_the_whole_recording(tmp_path, suffix):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (5 * 44100, 2))
    file = encode(tmp_path / f"noise.{suffix}", noise, 44100)
    whole = load_audio(file)
    for block_seconds in (0.0, 0.5, 3.0):
        blocks = list(stream_audio(file, block_seconds=block_seconds))
        assert np.array_equal(np.concatenate(blocks), whole)
        assert all(len(block) >= block_seconds * RATE for block in blocks[:-1])


def test_a_long_recording_passes_in_constant_memory(tmp_path):
    file = tmp_path / "long.wav"
    with file.open("wb") as out:
        data = 1200 * 8000 * 2 * 2
        out.write(riff(b"\x10\x20" * 99, rate=8000, channels=2, size=data))
        out.truncate(44 + data)  # silence, without taking room on the disk
    tracemalloc.start()
    try:
        seconds = sum(len(block) for block in stream_audio(file)) / RATE
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds == pytest.approx(1200)
    assert peak < 16e6


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_recording_that_was_cut_off_is_refused_whatever_its_format(tmp_path, suffix):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (5 * 48000, 2))
    file = encode(tmp_path / f"cut.{suffix}", noise, 48000)
    size = file.stat().st_size
    for share in (0.9, 0.5, 0.3):
        os.truncate(file, int(size * share))
        with pytest.raises(audio.AudioTruncated, match=rf"{re.escape(str(file))}.*again"):
            load_audio(file)


def test_it_is_said_how_much_is_missing(tmp_path):
    file = encode(tmp_path / "cut.wav", tone(seconds=10))
    os.truncate(file, 44 + 4 * RATE * 2)
    with pytest.raises(audio.AudioTruncated, match=r"4\.0 of 10\.0 s are there"):
        load_audio(file)


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_recorder_that_could_not_know_the_length_is_believed(tmp_path, claimed):
    file = tmp_path / "pipe.wav"
    file.write_bytes(riff((tone() * 32767).astype("<i2").tobytes(), size=claimed))
    np.testing.assert_allclose(load_audio(file), tone(), atol=1e-4)


def test_an_mp3_of_variable_rate_without_a_table_of_contents_is_read_to_its_end(tmp_path):
    quiet = tone(44100, 6) * 0.01
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 6 * 44100)
    samples = np.concatenate([quiet, noise, quiet]).astype(np.float32)
    file = tmp_path / "variable.mp3"
    plain = tmp_path / "table.mp3"
    soundfile.write(plain, samples, 44100, bitrate_mode="VARIABLE", compression_level=0.2)
    data = plain.read_bytes()
    file.write_bytes(data[data.index(b"\xff\xfb", 4) :])  # without its first frame, the table
    assert b"Xing" in data and b"Xing" not in file.read_bytes()
    assert len(load_audio(file)) / RATE == pytest.approx(18, abs=0.2)


def bad_files(folder):
    """Make one file of each kind that cannot be used; return (path, error)."""
    silence, sound = np.zeros(RATE, dtype=np.float32), tone()

    def put(name, data):
        (folder / name).write_bytes(data)
        return folder / name

    def floats(name, value):
        samples = sound.copy()
        samples[1000] = value
        soundfile.write(folder / name, samples, RATE, subtype="FLOAT")
        return folder / name

    picture = b"\x89PNG\r\n\x1a\n" + bytes(500)
    playlist = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{encode(folder / 'a.aac.wav', sound)}"
    )
    script = f"ffconcat version 1.0\nfile '{folder / 'a.aac.wav'}'\n"
    yield folder / "nowhere.wav", audio.AudioMissing
    yield folder / "a.aac.wav" / "below", audio.AudioMissing
    yield folder / "nul\0.wav", audio.AudioUnreadable
    yield folder, audio.AudioNotAFile
    yield put("empty.mp3", b""), audio.AudioEmpty
    yield put("header_only.wav", riff(b"")), audio.AudioEmpty
    yield encode(folder / "none.flac", silence[:0]), audio.AudioEmpty
    yield encode(folder / "silent.wav", silence), audio.AudioSilent
    yield encode(folder / "silent.mp3", silence), audio.AudioSilent
    yield encode(folder / "opposite.wav", np.stack([sound, -sound], 1)), audio.AudioSilent
    yield put("text.mp3", b"no music here\n" * 90), audio.AudioUnreadable
    yield put("picture.wav", picture), audio.AudioUnreadable
    yield put("noise.flac", np.random.default_rng(0).bytes(5000)), audio.AudioUnreadable
    yield put("one_byte.ogg", b"O"), audio.AudioUnreadable
    yield put("playlist.m3u8", playlist.encode()), audio.AudioUnreadable
    yield put("script.mp3", script.encode()), audio.AudioUnreadable
    yield floats("nan.wav", np.nan), audio.AudioNotFinite
    yield floats("infinite.wav", -np.inf), audio.AudioNotFinite
    yield floats("integers.wav", 20000.0), audio.AudioOutOfRange
    yield put("rate_0.wav", riff(bytes(9000), rate=0)), audio.AudioError
    yield put("rate_9.wav", riff(bytes(9000), rate=9)), audio.AudioOutOfRange
    yield put("rate_huge.wav", riff(bytes(9000), rate=2**31 - 1)), audio.AudioOutOfRange
    yield put("channels_0.wav", riff(bytes(9000), channels=0)), audio.AudioError
    yield put("channels_many.wav", riff(bytes(9000), channels=30000)), audio.AudioError
    yield put("bits_13.wav", riff(bytes(9000), bits=13)), audio.AudioError
    yield put("unknown_codec.wav", riff(bytes(9000), kind=0x7777)), audio.AudioUnreadable


def test_every_file_that_cannot_be_used_is_refused_in_one_line_with_its_name(tmp_path):
    wrong = []
    for path, error in bad_files(tmp_path):
        try:
            load_audio(path)
            wrong.append((path.name, "was read"))
        except audio.AudioError as found:
            message = str(found)
            named = str(path) in message or repr(path) in message
            if not isinstance(found, error) or not named or "\n" in message or ";" not in message:
                wrong.append((path.name, type(found).__name__, message))
    assert not wrong


@pytest.mark.skipif(os.name == "nt", reason="pipes, sockets and devices of POSIX systems")
def test_special_files_are_refused_without_waiting_for_them(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    server = socket.socket(socket.AF_UNIX)
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    with server:
        here = os.getcwd()
        os.chdir(tmp_path)  # the name of a socket must be short
        server.bind("s.wav")
        os.chdir(here)
        for path in (tmp_path / "pipe.wav", tmp_path / "s.wav", "/dev/zero"):
            with pytest.raises(audio.AudioNotAFile, match="device, pipe or socket"):
                load_audio(path)
    with pytest.raises(audio.AudioUnreadable, match="symbolic links"):
        load_audio(tmp_path / "loop.wav")


@pytest.mark.parametrize(
    "name", ["日本語 🎵.wav", "line\nbreak.wav", "-rf", "%s.wav", "http:", "a.raw"]
)
@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_any_name_will_do_and_the_suffix_does_not_matter(tmp_path, name, suffix):
    file = encode(tmp_path / f"tone.{suffix}", tone()).rename(tmp_path / name)
    assert frequency(load_audio(file)) == pytest.approx(441, abs=0.5)


@pytest.mark.skipif(os.name == "nt", reason="names on Windows are text")
def test_a_name_that_is_no_text_will_do(tmp_path):
    file = encode(tmp_path / "tone.wav", tone())
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav")
    os.rename(file, odd)
    assert len(load_audio(odd)) == len(tone())


def test_a_few_damaged_pieces_are_left_out_and_said_many_are_refused(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 20 * 44100).astype(np.float32)
    encode_with_av(tmp_path / "a.m4a", noise, 44100, "mp4", "aac")
    data = bytearray((tmp_path / "a.m4a").read_bytes())
    size, stride = len(data), len(data) // 60
    data[size // 2 : size // 2 + 8] = b"\xff" * 8
    (tmp_path / "few.m4a").write_bytes(data)
    for place in range(size // 3, 2 * size // 3, stride):
        data[place : place + 200] = b"\xff" * 200
    (tmp_path / "many.m4a").write_bytes(data)
    stream = stream_audio(tmp_path / "few.m4a")
    list(stream)
    assert any("damaged pieces left out" in note for note in stream.notes)
    with pytest.raises(audio.AudioUnreadable, match=r"many.m4a: \d+ pieces are damaged"):
        load_audio(tmp_path / "many.m4a")


def test_a_picture_that_goes_on_does_not_make_the_sound_look_cut(tmp_path):
    file = tmp_path / "clip.mkv"
    with av.open(str(file), "w") as out:
        video = out.add_stream("mpeg4", rate=5)
        video.width = video.height = 32
        sound = out.add_stream("aac", rate=44100, layout="mono")
        sound.codec_context.time_base = Fraction(1, 44100)
        for _ in range(20):  # 4 s
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            out.mux(video.encode(picture))
        for start in range(0, 3 * 44100 // 1024 * 1024, 1024):
            block = tone(44100)[None, start : start + 1024]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "mono")
            frame.sample_rate, frame.pts = 44100, start
            out.mux(sound.encode(frame))
        out.mux([*video.encode(None), *sound.encode(None)])
    assert len(load_audio(file)) / RATE == pytest.approx(3, abs=0.1)


def pages(data):
    """Split the bytes of an Ogg file."""
    while data:
        lengths = data[27 : 27 + data[26]]
        size = 27 + len(lengths) + sum(lengths)
        yield data[:size]
        data = data[size:]


def spoiled(page):
    return page[:-8] + bytes(byte ^ 255 for byte in page[-8:])


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
@pytest.mark.parametrize("place", [8, -2])
def test_a_damaged_page_of_ogg_is_missed(tmp_path, suffix, place):
    """FFmpeg leaves out a page whose checksum is wrong and says nothing."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 20 * 48000).astype(np.float32)
    file = encode(tmp_path / f"whole.{suffix}", noise, 48000)
    assert len(load_audio(file)) == pytest.approx(20 * RATE, abs=0.02 * RATE)
    found = list(pages(file.read_bytes()))
    found[place] = spoiled(found[place])
    (tmp_path / "damaged.ogg").write_bytes(b"".join(found))
    with pytest.raises(
        audio.AudioTruncated, match=r"damaged\.ogg: .* \d+\.\d of 20\.0 s are there"
    ):
        load_audio(tmp_path / "damaged.ogg")


def test_a_short_page_of_ogg_that_is_damaged_is_left_out_and_said(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (10 * 96000, 2))
    found = list(pages(encode(tmp_path / "whole.ogg", noise, 96000).read_bytes()))
    (tmp_path / "damaged.ogg").write_bytes(b"".join([*found[:20], spoiled(found[20]), *found[21:]]))
    stream = stream_audio(tmp_path / "damaged.ogg")
    lost = 10 - len(np.concatenate(list(stream))) / RATE
    assert 0.02 < lost < audio.TOLERANCE
    assert "1 damaged pieces left out" in stream.notes


def test_ogg_that_begins_in_midstream_or_is_one_of_a_chain_is_read(tmp_path):
    file = encode(tmp_path / "whole.ogg", np.random.default_rng(0).uniform(-0.5, 0.5, 10 * RATE))
    whole = load_audio(file)
    found = list(pages(file.read_bytes()))
    half = len(found) // 2
    missing = int.from_bytes(found[half - 1][6:14], "little")
    (tmp_path / "mid.ogg").write_bytes(b"".join(found[:2] + found[half:]))
    stream = stream_audio(tmp_path / "mid.ogg")
    rest = np.concatenate(list(stream))
    assert f"begins {missing / RATE:.1f} s into its stream" in stream.notes
    assert len(rest) == pytest.approx(10 * RATE - missing, abs=0.1 * RATE)
    np.testing.assert_allclose(rest[-RATE:], whole[-RATE:], atol=1e-5)
    (tmp_path / "chain.ogg").write_bytes(2 * file.read_bytes())
    chain = stream_audio(tmp_path / "chain.ogg")
    assert len(np.concatenate(list(chain))) == pytest.approx(20 * RATE, abs=0.1 * RATE)
    assert not chain.notes
    for page in (3, half, -3):
        damaged = found.copy()
        damaged[page] = spoiled(found[page])
        (tmp_path / "chain.ogg").write_bytes(file.read_bytes() + b"".join(damaged))
        with pytest.raises(audio.AudioTruncated, match=r"of 20\.0 s are there"):
            load_audio(tmp_path / "chain.ogg")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), suffix=st.sampled_from(["wav", "flac", "ogg", "mp3", "m4a"]))
def test_whatever_is_in_a_file_its_samples_are_finite_or_it_is_refused(tmp_path, data, suffix):
    original = tmp_path / f"sound.{suffix}"
    if not original.exists():
        encode(original, tone(44100, 0.4) + tone(44100, 0.4, 3000.0) * 0.3, 44100)
    content = bytearray(original.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    (tmp_path / "fuzzed").write_bytes(content)
    try:
        samples = load_audio(tmp_path / "fuzzed")
    except audio.AudioError as error:
        assert "fuzzed" in str(error)
    else:
        assert np.isfinite(samples).all() and len(samples)


def test_the_quick_resampler_changes_nothing_that_the_transform_looks_at(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "noise.wav"
    write_wav(path, 0.1 * rng.standard_normal(44100 * 8).astype(np.float32), sr=44100)
    fine = FeatureSettings(averaging=20)
    quick = extract(stream_audio(path, highest=fine.highest), fine)
    exact = extract(stream_audio(path), fine)
    assert 0 < np.linalg.norm(quick - exact) < 1e-3 * np.linalg.norm(exact)


@pytest.mark.parametrize("rate", [44100, 88200, 48000])
def test_a_multiple_of_the_rate_is_left_to_the_transform(tmp_path, rate):
    rng = np.random.default_rng(0)
    path = tmp_path / "noise.wav"
    write_wav(path, 0.1 * rng.standard_normal(rate * 8 + 77).astype(np.float32), sr=rate)
    fine = FeatureSettings(averaging=20)
    stream = stream_audio(path, highest=fine.highest, multiples=True, block_seconds=0)
    assert stream.multiple == {44100: 2, 88200: 4, 48000: 1}[rate]
    direct = extract(stream, fine, multiple=stream.multiple)
    exact = extract(stream_audio(path), fine)
    assert 0 < np.linalg.norm(direct - exact) < 1e-3 * np.linalg.norm(exact)


def test_channels_that_change_midway_are_mixed_by_their_own_number(tmp_path):
    """Two mp3 files one behind the other, as an internet radio's recorder leaves them."""
    mono = 0.4 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    left_only = np.stack([mono, np.zeros_like(mono)], axis=1)
    path = tmp_path / "radio.mp3"
    path.write_bytes(encode_mp3(mono, sr=RATE) + encode_mp3(left_only, sr=RATE))
    reader = open_reader(path)
    found = np.concatenate(list(reader.pieces()))
    loudness = [np.abs(part).max() for part in (found[: RATE // 2], found[-RATE // 2 :])]
    assert len(found) == pytest.approx(4 * RATE, rel=0.05)
    assert loudness[1] == pytest.approx(loudness[0] / 2, rel=0.1)


def test_what_is_decoded_ahead_comes_in_order_and_stays_within_bounds():
    fetched = []

    def source():
        for number in range(100):
            fetched.append(number)
            yield number

    seen = []
    for number in _ahead(source(), 5):
        seen.append(number)
        assert len(fetched) <= number + 1 + 5
    assert seen == fetched == list(range(100))


def test_an_error_while_decoding_ahead_comes_where_it_belongs():
    def source():
        yield from range(3)
        raise audio.AudioTruncated("the file ends here")

    found = _ahead(source(), 5)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(audio.AudioTruncated, match="ends here"):
        next(found)


def test_who_stops_listening_leaves_no_thread_behind():
    threads = threading.active_count()
    with contextlib.closing(_ahead(itertools.count(), 5)) as found:
        assert next(found) == 0
    assert threading.active_count() == threads


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_second_thread_changes_nothing(suffix, tmp_path):
    path = tmp_path / f"tone.{suffix}"
    sound = np.concatenate([tone()] * 8)
    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        file.write(np.stack([sound, 0.5 * sound[::-1]], axis=1))
    alone = list(stream_audio(path, block_seconds=0))
    found = list(stream_audio(path, block_seconds=0, thread=True))
    assert len(alone) > 1
    assert all(np.array_equal(a, b) for a, b in zip(alone, found, strict=True))


def test_a_stream_that_is_left_early_leaves_no_thread_behind(tmp_path):
    path = tmp_path / "noise.wav"
    write_wav(path, np.random.default_rng(0).uniform(-0.5, 0.5, 40 * RATE))
    threads = threading.active_count()
    with contextlib.closing(iter(stream_audio(path, block_seconds=0, thread=True))) as blocks:
        next(blocks)
    assert threading.active_count() == threads


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_sixteen_bits_become_what_libsndfile_makes_of_them(channels, suffix, tmp_path):
    path = tmp_path / f"noise.{suffix}"
    noise = np.random.default_rng(0).integers(-(2**15), 2**15, (RATE, channels), dtype=np.int16)
    soundfile.write(path, noise, RATE, subtype="PCM_16")
    theirs, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert load_audio(path) == pytest.approx(theirs.mean(axis=1), abs=1e-6)


@pytest.mark.parametrize("damage", [bytes(2000), np.random.default_rng(0).bytes(2000)])
def test_where_libsndfile_gives_up_on_an_mp3_ffmpeg_goes_on(damage, tmp_path):
    sound = np.random.default_rng(1).uniform(-0.3, 0.3, (20 * 2 * RATE, 2)).astype(np.float32)
    path = encode(tmp_path / "whole.mp3", sound, rate=2 * RATE)
    whole, sounds = load_audio(path), path.read_bytes()
    half = len(sounds) // 2
    path.write_bytes(sounds[:half] + damage + sounds[half + len(damage) :])
    stream = stream_audio(path)
    found = np.concatenate(list(stream))
    assert any("damaged pieces left out" in note for note in stream.notes)
    assert len(whole) - RATE / 4 < len(found) <= len(whole)
    assert np.allclose(found[: 8 * RATE], whole[: 8 * RATE], atol=1e-3)
    end = found[-4 * RATE : -2 * RATE]  # some samples earlier than in the whole
    products = np.correlate(whole[-5 * RATE :], end) / np.square(end).sum()
    assert products.max() == pytest.approx(1, abs=0.01)


def test_an_mp3_that_is_longer_than_it_says_is_read_to_its_end(tmp_path):
    path = encode(tmp_path / "twice.mp3", tone())
    once = path.read_bytes()
    for tail, name in ((b"", "libsndfile"), (b"TAG" + bytes(125), "libsndfile"), (once, "FFmpeg")):
        path.write_bytes(once + tail)
        with contextlib.closing(open_reader(path)) as reader:
            assert reader.name == name
    assert len(load_audio(path)) == pytest.approx(2 * len(tone()), rel=0.05)
