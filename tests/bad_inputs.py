"""A folder of everything that a music folder should not hold, and sometimes does.

Each case is a file, a link or a directory made by a recipe with a seed, so that a case that fails
can be made again by its name.
"""

import io
import os
import struct

import numpy as np
import soundfile

RATE = 22050
FORMATS = {
    "wav": {"format": "WAV", "subtype": "PCM_16"},
    "flac": {"format": "FLAC"},
    "mp3": {"format": "MP3"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
}


def tone(seconds=3.0, channels=1, rate=RATE):
    time_axis = np.arange(int(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * 0.02 * rate * time_axis)
    return np.repeat(sound[:, None], channels, axis=1)


def encode(kind="wav", sound=None, rate=RATE, **how):
    target = io.BytesIO()
    soundfile.write(target, tone() if sound is None else sound, rate, **(FORMATS[kind] | how))
    return target.getvalue()


def header(*, rate=RATE, channels=1, bits=16, data=None, claimed=None):
    """Return a wav file whose header says what the caller wants it to say."""
    data = bytes(2 * RATE) if data is None else data
    claimed = len(data) if claimed is None else claimed
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * width % 2**32, width % 65536, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", claimed) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def damaged(seed=0, each=8):
    """Yield truncated and altered files of every format."""
    rng = np.random.default_rng(seed)
    for kind in FORMATS:
        whole = encode(kind)
        for number in range(each):
            yield f"cut {kind} {number}.{kind}", whole[: rng.integers(1, len(whole))]
        for number in range(each // 2):
            altered = bytearray(whole)
            for place in rng.integers(0, len(whole), 16):
                altered[place] = rng.integers(0, 256)
            yield f"altered {kind} {number}.{kind}", bytes(altered)
        yield f"noise {kind}.{kind}", whole[:4] + rng.bytes(5000)


def odd_sounds():
    """Yield sounds that are well-formed files but no ordinary music."""
    pcm = np.int16(tone()[:, 0] * 32767).tobytes()
    for rate in (0, 1, 100, 999, 1000, 8000, 2**31):
        yield f"rate {rate}.wav", header(rate=rate, data=pcm)
    for rate in (96_000, 192_000, 384_000):  # two seconds of a good sound
        yield f"rate {rate}.wav", encode(sound=tone(2, rate=rate), rate=rate)
    for channels in range(1, 9):
        yield f"channels {channels}.wav", encode(sound=tone(channels=channels))
    for channels in (0, 255, 65535):
        yield f"claims {channels} channels.wav", header(channels=channels, data=pcm)
    for bits in (0, 1, 7, 65535):
        yield f"claims {bits} bits.wav", header(bits=bits, data=pcm)
    for claimed in (0, 10, 2**31, 2**32 - 1):
        yield f"claims {claimed} bytes.wav", header(data=pcm, claimed=claimed)
    floats = {"subtype": "FLOAT"}
    for name, value in (("nan", np.nan), ("inf", np.inf), ("huge", 1e30), ("silent", 0.0)):
        yield f"{name}.wav", encode(sound=np.full((RATE * 3, 1), value), **floats)
    for count in (0, 1, 100, RATE // 10):
        yield f"{count} samples.wav", encode(sound=np.full((count, 1), 0.1))
    opposite = tone(channels=2) * np.array([1, -1])
    yield "cancelling channels.wav", encode(sound=opposite)
    yield "twenty minutes.flac", encode("flac", tone(1200, rate=1000), rate=1000)


def wrong_names():
    """Yield files whose names promise another format, or none that exists."""
    yield "wav.mp3", encode("wav")
    yield "mp3.wav", encode("mp3")
    yield "flac.ogg", encode("flac")
    yield "ogg.FLAC", encode("ogg")
    for suffix in ("mp3", "wav", "flac", "ogg", "m4a", "wma", "aiff", "opus"):
        yield f"empty.{suffix}", b""
        yield f"text.{suffix}", b"Not a sound, but a letter about one.\n" * 50
    yield "picture.mp3", b"\x89PNG\r\n\x1a\n" + bytes(2000)
    yield "page.m4a", b"<html><script>alert(1)</script></html>"
    yield "archive.ogg", b"PK\x03\x04" + bytes(2000)
    yield "pickle.wav", b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR."
    yield "playlist.mp3", b"#EXTM3U\n/etc/passwd\nhttp://127.0.0.1:9/x.mp3\n"


def odd_names():
    """Yield good files under names that break careless programs."""
    for number, name in enumerate(
        ("Für Elise 愛", "line\nbreak", "-rf", " ", "'\"`", "$(reboot)", "%s%n", "a:b", "x" * 250)
    ):
        yield f"{name}.wav", encode(sound=tone(2 + number / 10))
    yield os.fsdecode(b"caf\xe9.wav"), encode(sound=tone(1.5))


def special_files(folder):
    """Make what is no file at all; return the names that an index should list."""
    os.mkfifo(folder / "pipe.mp3")
    links = {"null.mp3": "/dev/null", "zero.mp3": "/dev/zero", "nowhere.mp3": "no such file"}
    for name, target in {**links, "itself.mp3": "itself.mp3"}.items():
        (folder / name).symlink_to(target)
    (folder / "album.mp3").mkdir()
    (folder / "album.mp3" / "loop.mp3").symlink_to(folder)
    return ["pipe.mp3", *links, "itself.mp3"]


def make_long(folder, hours=12):
    """Write a recording of many hours, piece by piece; return its name."""
    name = f"{hours} hours.flac"
    with soundfile.SoundFile(folder / name, "w", 1000, 1, format="FLAC") as file:
        for _ in range(60 * hours):
            file.write(tone(60, rate=1000))
    return name


def make(folder):
    """Fill a folder with all cases.

    Returns
    -------
    list of str
        Their names.
    """
    names = []
    for cases in (damaged(), odd_sounds(), wrong_names(), odd_names()):
        for name, data in cases:
            (folder / name).write_bytes(data)
            names.append(name)
    assert len(set(names)) == len(names)
    return names + special_files(folder)
