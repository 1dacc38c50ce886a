"""Audio file to mono samples at 22 050 Hz (chapter "From sound to CQT").

A file is decoded, mixed to mono and resampled in blocks, so that a recording of any length passes
in constant memory. Every way a file can be unusable has a named error (``audio_errors.py``), none
is repaired in silence: what was changed stands in ``AudioStream.notes`` and in the log.
"""

import contextlib
import io
import logging
import os
import stat
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from .audio_errors import (
    AudioEmpty,
    AudioError,
    AudioMissing,
    AudioNotAFile,
    AudioNotFinite,
    AudioOutOfRange,
    AudioSilent,
    AudioTooShort,
    AudioTruncated,
    AudioUnreadable,
)
from .decoders import open_reader

__all__ = [
    "AudioEmpty",
    "AudioError",
    "AudioMissing",
    "AudioNotAFile",
    "AudioNotFinite",
    "AudioOutOfRange",
    "AudioSilent",
    "AudioStream",
    "AudioTooShort",
    "AudioTruncated",
    "AudioUnreadable",
    "encode_mp3",
    "load_audio",
    "stream_audio",
    "write_wav",
]

SAMPLE_RATE = 22050
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz
RATES = (1_000, 768_000)  # Hz, what passes for a sampling rate of audio
SILENCE = 1e-4  # -80 dB, three steps of a 16-bit file
LOUDEST = 256.0  # floating-point mixes exceed 1 a little, unscaled integers by thousands
MULTIPLES = 8  # of the rate, up to which a recording may be left as it is
QUICK = 0.25  # of the rate: below it soxr's quickest filter errs by less than 1e-4
TOLERANCE = 0.25  # s, by which encoders' padding makes a file shorter than it says
AHEAD = 1 << 22  # values that a second thread decodes before they are asked for
DAMAGE = 0.01  # share of a file's pieces that may be undecodable, but two always may

_log = logging.getLogger(__name__)


def load_audio(path, *, sr=SAMPLE_RATE):
    """Read an audio file.

    Parameters
    ----------
    path : path-like
        A file in a format of libsndfile or FFmpeg.
    sr : int [Hz]
        Rate to resample to, if the file has another one.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        The mean of the channels; a full-scale recording lies in [-1, 1].

    Raises
    ------
    AudioError
        See :func:`stream_audio`.
    """
    return np.concatenate(list(stream_audio(path, sr=sr)))


def stream_audio(
    path, *, sr=SAMPLE_RATE, block_seconds=20.0, highest=None, multiples=False, thread=False
):
    """Read an audio file block by block, in constant memory.

    Parameters
    ----------
    path : path-like
        A file in a format of libsndfile or FFmpeg.
    sr : int [Hz]
        Rate to resample to, if the file has another one.
    block_seconds : float [s]
        Blocks are at least this long, but for the last.
    highest : float [Hz], optional
        Nothing above this frequency will be looked at: a quicker resampler may do.
    multiples : bool
        Leave a rate that is a small multiple of ``sr`` as it is; see ``AudioStream.multiple``.
    thread : bool
        Decode in a second thread while the caller works.

    Returns
    -------
    AudioStream
        Iterate over it once, to the end: truncation and silence show only there.

    Raises
    ------
    AudioMissing, AudioNotAFile, AudioEmpty, AudioUnreadable, AudioOutOfRange
        At once.
    AudioNotFinite, AudioOutOfRange, AudioTruncated, AudioUnreadable, AudioEmpty, AudioSilent
        While iterating.
    """
    return AudioStream(
        path,
        sr=sr,
        block_seconds=block_seconds,
        highest=highest,
        multiples=multiples,
        thread=thread,
    )


class AudioStream:
    """Blocks of mono samples [shape=(n,), dtype=float32]; made by :func:`stream_audio`.

    Attributes
    ----------
    source_rate : int [Hz]
        Sampling rate of the file.
    channels : int
        Number of channels of the file.
    multiple : int
        The blocks have so many times the rate that was asked for; 1 unless multiples were allowed.
    decoder : str
        ``"libsndfile"`` or ``"FFmpeg"``.
    notes : list of str
        What was done to the recording on the way: resampled, mixed, pieces lost.
    seconds : float [s]
        Duration decoded so far.
    """

    def __init__(self, path, *, sr, block_seconds, highest, multiples, thread):
        self.path, self._sr, self._thread = Path(path), sr, thread
        self._quality = "LQ" if highest and highest < QUICK * sr else "HQ"
        check_file(self.path)
        try:
            self._reader = open_reader(self.path)
        except OSError as error:
            raise AudioUnreadable(f"{self.path}: cannot be read ({error.strerror})") from error
        self.source_rate, self.channels = self._reader.rate, self._reader.channels
        self.decoder, self._samples, self._peak = self._reader.name, 0, 0.0
        if not RATES[0] <= self.source_rate <= RATES[1] or self.channels < 1:
            self._reader.close()
            raise AudioOutOfRange(
                f"{self.path}: {self.channels} channels at {self.source_rate} Hz are no audio; "
                f"convert it to a rate of {RATES[0]} to {RATES[1]} Hz"
            )
        times, rest = divmod(self.source_rate, sr)
        self.multiple = times if multiples and not rest and times <= MULTIPLES else 1
        self._block = int(block_seconds * sr * self.multiple)
        self.notes = self._describe()

    def _describe(self):
        notes = []
        if self.source_rate != self._sr:
            notes.append(f"resampled from {self.source_rate} to {self._sr} Hz")
        if self.channels > 1:
            notes.append(f"mixed from {self.channels} channels")
        if self.source_rate < self._sr:
            notes.append(f"nothing above {self.source_rate // 2} Hz")
        if self._reader.begins > TOLERANCE:
            notes.append(f"begins {self._reader.begins:.1f} s into its stream")
        return notes

    @property
    def seconds(self):
        """Duration decoded so far, in seconds."""
        return self._samples / self.source_rate

    def __iter__(self):
        """Yield the blocks; raise what stands in :func:`stream_audio`."""
        try:
            parts, size = [], 0
            pieces = self._checked(self._reader.pieces())
            if self._thread:
                pieces = _ahead(pieces, AHEAD // self._reader.values)
            with contextlib.closing(pieces):
                for part in self._resampled(pieces):
                    parts.append(part)
                    size += len(part)
                    if size >= self._block:
                        yield np.concatenate(parts) if len(parts) > 1 else part
                        parts, size = [], 0
            self._check_whole()
            if size:
                yield np.concatenate(parts)
        except AudioUnreadable as error:
            raise AudioUnreadable(f"{self.path}: {error}; convert it to wav or flac") from error
        finally:
            self._reader.close()
        if self.notes:
            _log.info("%s: %s", self.path, ", ".join(self.notes))

    def _resampled(self, pieces):
        if self.source_rate == self._sr * self.multiple:
            yield from pieces
            return
        import soxr

        resampler = soxr.ResampleStream(
            self.source_rate, self._sr, 1, dtype="float32", quality=self._quality
        )
        for block in pieces:
            yield resampler.resample_chunk(block)
        yield resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)

    def _checked(self, pieces):
        for block in pieces:
            peak = max(float(block.max()), -float(block.min()))
            if not np.isfinite(peak):
                raise AudioNotFinite(
                    f"{self.path}: NaN or infinite samples after {self.seconds:.1f} s; "
                    "export it again from its source"
                )
            if peak > LOUDEST:
                raise AudioOutOfRange(
                    f"{self.path}: samples of {peak:g} after {self.seconds:.1f} s, expected are "
                    "-1 to 1; scale it when you export it"
                )
            self._peak = max(self._peak, peak)
            self._samples += len(block)
            yield block

    def _check_whole(self):
        reader = self._reader
        claimed = max(reader.claimed or 0, self._samples + reader.missing) / self.source_rate
        if reader.damaged > max(2, DAMAGE * reader.decoded):
            raise AudioUnreadable(f"{reader.damaged} pieces are damaged, {reader.decoded} are not")
        if self.seconds < claimed - TOLERANCE:
            raise AudioTruncated(
                f"{self.path}: truncated, {self.seconds:.1f} of {claimed:.1f} s are there; "
                "get the file again"
            )
        if reader.cut:
            raise AudioTruncated(
                f"{self.path}: truncated after {self.seconds:.1f} s, the rest is missing or "
                "cannot be decoded; get the file again"
            )
        if not self._samples:
            raise AudioEmpty(f"{self.path}: holds no samples; get the file again")
        if self._peak < SILENCE:
            raise AudioSilent(f"{self.path}: its mono mix is silent; leave it out")
        if reader.damaged:
            self.notes.append(f"{reader.damaged} damaged pieces left out")


def _ahead(items, count):
    """Yield what an iterable yields, in its order, while a thread fetches the next few of them."""
    items, end = iter(items), object()
    with ThreadPoolExecutor(1, "decoder") as thread:
        waiting = deque(thread.submit(next, items, end) for _ in range(count))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(thread.submit(next, items, end))
                yield item
        finally:
            for future in waiting:
                future.cancel()


def check_file(path):
    """Refuse what is no file of some length, without opening it.

    Raises
    ------
    AudioMissing, AudioNotAFile, AudioEmpty, AudioUnreadable
        With the path and what to do.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioMissing(f"{path}: no such file; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise AudioUnreadable(f"{path!r}: cannot be read ({reason}); check the path") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise AudioNotAFile(f"{path} is {kind}; give an audio file")
    if not status.st_size:
        raise AudioEmpty(f"{path}: an empty file; get it again")


def write_wav(path, samples, *, sr=SAMPLE_RATE):
    """Write mono samples as 16-bit wav, in one step.

    Parameters
    ----------
    path : path-like
        File to write.
    samples : np.ndarray [shape=(n,), range=[-1, 1]]
        Mono sound.
    sr : int [Hz]
        Its rate.

    Raises
    ------
    AudioOutOfRange
        If samples lie outside [-1, 1]: they would be clipped.
    """
    import soundfile

    partial = f"{os.fspath(path)}.{os.getpid()}.partial"
    soundfile.write(partial, _in_range(samples), sr, format="WAV", subtype="PCM_16")
    os.replace(partial, path)


def encode_mp3(samples, *, sr=SAMPLE_RATE):
    """Encode samples as mp3 of 64 kbit/s a channel, with LAME at its quickest.

    At a constant bit rate LAME makes them softer by a twentieth.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,) or (n, channels), range=[-1, 1]]
        Sound of one or two channels.
    sr : int [Hz]
        One of ``MP3_RATES``.

    Returns
    -------
    bytes

    Raises
    ------
    AudioOutOfRange
        If samples lie outside [-1, 1], or mp3 does not know the rate or so many channels.
    """
    import av

    samples = _in_range(samples)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    layout, target = {1: "mono", 2: "stereo"}.get(channels), io.BytesIO()
    if sr not in MP3_RATES or layout is None:
        raise AudioOutOfRange(
            f"mp3 has no {channels} channels at {sr} Hz: give one or two, at one of "
            f"{', '.join(map(str, MP3_RATES))} Hz"
        )
    with av.open(target, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=sr, layout=layout)
        stream.bit_rate, stream.options = 64_000 * channels, {"compression_level": "7"}
        for start in range(0, len(samples), sr):
            second = np.ascontiguousarray(samples[start : start + sr].T).reshape(channels, -1)
            frame = av.AudioFrame.from_ndarray(second, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = sr, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def _in_range(samples):
    samples = np.asarray(samples, dtype=np.float32)
    peak = np.abs(samples).max(initial=0)
    if not peak <= 1:
        raise AudioOutOfRange(f"samples reach {peak}; scale them to -1 to 1")
    return samples
