"""Two decoders behind one face (chapter "From sound to CQT").

libsndfile (by way of soundfile) reads the uncompressed formats, FLAC, and mp3 files that are as
long as they say. FFmpeg's libraries (by way of PyAV) read the rest: of Ogg, libsndfile is the
slower one, and of an mp3 file it reads no more than the file claims or it guesses to be there.

A reader has ``name``, ``rate`` (Hz), ``channels``, ``begins`` (seconds of the stream that lie
before the file), ``claimed`` (samples that its header promises, None if it promises nothing),
``missing`` (samples that its time stamps leave out), ``damaged`` (packets that could not be
decoded), ``decoded`` (packets that could), ``cut`` (whether the end is known to be missing), and
``pieces()``, which yields the mean of the channels [shape=(n,), dtype=float32]; when it has ended,
the other numbers are final. ``values`` is the usual size of what a piece is made of, all channels
together.
"""

import contextlib
import os
import re
import struct

import numpy as np

from .audio_errors import AudioTruncated, AudioUnreadable

# What libsndfile reads: RIFF, RF64, W64, AIFF, FLAC, Sun, CAF. FFmpeg is not asked for a second
# opinion: a broken wav file can make it take gigabytes of memory.
SNDFILE_MAGIC = (b"RIFF", b"RF64", b"riff", b"FORM", b"fLaC", b".snd", b"caff")

# Formats that FFmpeg may recognise: audio containers only, none that can refer to other files
AV_FORMATS = (
    "aac,ac3,amr,ape,asf,dsf,dts,eac3,flac,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,ogg,"
    "tak,tta,wv"
)
SAMPLE_FORMATS = {  # FFmpeg's name: NumPy's, value of one step, value of silence
    "u8": ("u1", 2**-7, 128),
    "s16": ("i2", 2**-15, 0),
    "s32": ("i4", 2**-31, 0),
    "s64": ("i8", 2**-63, 0),
    "flt": ("f4", 1, 0),
    "dbl": ("f8", 1, 0),
}
TAGS = 2048  # bytes that may stand behind an mp3 stream without being music
SHORTEST = 64  # samples, the shortest block of Vorbis
UNKNOWN_LENGTH = 1 << 50  # libsndfile's length of a stream that does not tell


def open_reader(path):
    """Open ``path`` with the decoder that suits its first bytes.

    Raises
    ------
    AudioUnreadable
        If it cannot; its reason is in the message.
    AudioTruncated
        If it cannot and the file begins as m4a does, whose table of contents stands at its end.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    if _is_whole_mp3(path):
        with contextlib.suppress(AudioUnreadable):
            return Mp3Reader(path)
    reader = SndfileReader if head[:4] in SNDFILE_MAGIC else AvReader
    try:
        return reader(path)
    except AudioUnreadable as error:
        if head[4:] == b"ftyp":
            raise AudioTruncated(
                f"{path}: an MPEG-4 file without its table of contents, as a broken download "
                "leaves it; get the file again"
            ) from error
        raise AudioUnreadable(
            f"{path}: no audio that can be decoded ({reader.name}: {error}); convert it to wav "
            "or flac"
        ) from error


class SndfileReader:
    """libsndfile on a file; see the module's description."""

    name = "libsndfile"
    values = 1 << 18  # stays in the processor's cache

    def __init__(self, path):
        import soundfile

        self._failures = soundfile.SoundFileRuntimeError
        self._source = open(path, "rb")
        # by name only where it must be: soundfile draws conclusions from suffixes such as .raw
        target = str(path) if os.name == "nt" else self._source.fileno()
        try:
            self._file = soundfile.SoundFile(target, closefd=False)
        except (soundfile.SoundFileError, TypeError) as error:
            self._source.close()
            reason = getattr(error, "error_string", "") or "a format without header"
            raise AudioUnreadable(reason.strip(" .")) from error
        self.rate, self.channels = self._file.samplerate, self._file.channels
        self.claimed = self._promise()
        self.damaged = self.decoded = self.missing = self.begins = 0
        self.cut = False

    def _promise(self):
        frames = self._file.frames
        if frames >= UNKNOWN_LENGTH:
            return None
        # libsndfile corrects a length that goes beyond the file's end and says so in its log only
        pattern = r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)"
        found = re.search(pattern, self._file.extra_info)
        promised, present = map(int, found.groups()) if found else (0, 0)
        if present < promised < 0x7FFFFF00:  # larger: a recorder that could not know the length
            return frames * promised // max(1, present) if frames else promised
        return frames

    def pieces(self):
        """Yield what is decoded and mixed."""
        shape = max(1, self.values // self.channels), self.channels
        floats = np.empty(shape, dtype=np.float32)
        buffer, step = floats, 1.0
        if self._file.subtype == "PCM_16":  # libsndfile's own conversion is slower than NumPy's
            buffer, step = np.empty(shape, dtype=np.int16), 2**-15
        weights = np.full(self.channels, step / self.channels, dtype=np.float32)
        while True:
            try:
                piece = self._file.read(out=buffer)  # (n, channels)
            except self._failures:
                self.cut = True
                return
            if not len(piece):
                return
            self.decoded += 1
            if buffer is not floats:
                np.copyto(floats[: len(piece)], piece)
            yield floats[: len(piece)] @ weights

    def close(self):
        """Close the file."""
        self._file.close()
        self._source.close()


class Mp3Reader(SndfileReader):
    """libsndfile on an mp3 file; FFmpeg goes on where libsndfile gives up, behind damage."""

    def __init__(self, path):
        super().__init__(path)
        self._path = path

    def pieces(self):
        """Yield what is decoded and mixed."""
        done = 0
        for piece in super().pieces():
            done += len(piece)
            yield piece
        if self.claimed is None or done >= self.claimed:
            return
        rest = AvReader(self._path)
        with contextlib.closing(rest):
            for mono in rest.pieces():
                if len(mono) > done:
                    yield mono[done:]
                done = max(0, done - len(mono))
        self.damaged, self.decoded, self.cut = rest.damaged, rest.decoded, rest.cut


class AvReader:
    """FFmpeg's libraries on a file; see the module's description."""

    name = "FFmpeg"
    values = 1 << 18  # of many small frames: joined, they are handed over less often

    def __init__(self, path):
        import av

        self._failures = (av.FFmpegError, ValueError)
        try:
            self._container, self._stream = self._open(path)
        except self._failures as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise AudioUnreadable(reason) from error
        self._decoder = self._stream.codec_context
        self.rate, self.channels = self._stream.rate, self._stream.channels
        self.claimed = self._promise(path)
        self.damaged = self.decoded = self.missing = self.begins = 0
        self.cut, self._stamped, self._clock, self._end = False, False, None, 0
        if self._container.format.name == "ogg":
            self._trust_time_stamps(path)

    def _open(self, path):
        import av

        # a bare name could be taken for an address: "http:..." is a file here
        name = "file:" + os.path.abspath(path)
        options = {"format_whitelist": AV_FORMATS, "protocol_whitelist": "file"}
        how = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
        container = av.open(name, options=options, **how)  # PyAV 19 always bears with odd tags
        stream = next(iter(container.streams.audio), None)
        if stream is None or stream.codec_context is None or not stream.rate:
            container.close()
            raise ValueError("no audio of a known kind in it")
        return container, stream

    def _promise(self, path):
        name = self._container.format.name.split(",")[0]
        trusted = name in ("mov", "matroska", "asf") or (name == "mp3" and _has_contents(path))
        if not trusted:
            return None  # elsewhere FFmpeg guesses from the bit rate
        if self._stream.duration:
            return int(self._stream.duration * self._stream.time_base * self.rate)
        if len(self._container.streams) > 1 or not self._container.duration:
            return None  # the file may last as long as its picture
        return int(self._container.duration / 1e6 * self.rate)

    def _trust_time_stamps(self, path):
        """Let an Ogg file's pages say how long it is: FFmpeg leaves damaged ones out in silence."""
        marked, end = _last_page(path)
        self._stamped, self.cut = True, not marked
        self.begins = float((self._stream.start_time or 0) * self._stream.time_base)
        if marked and len(self._container.streams) == 1:  # else it may be another stream's end
            self._end = end

    def pieces(self):
        """Yield what is decoded, frames joined to larger ones, and mixed."""
        yield from map(_mix, self._joined())
        if self._clock is not None:
            self.missing += max(0, self._end - self._clock)

    def _joined(self):
        from av import AudioFifo

        fifo, channels, end = AudioFifo(), 0, None
        size = max(1, self.values // max(1, self.channels))
        for packet in self._packets():
            for frame in self._frames(packet):
                if channels not in (0, frame.layout.nb_channels):  # the stream changes midway
                    yield from self._drained(fifo, end)
                    fifo = AudioFifo()
                channels, stamp = frame.layout.nb_channels, frame.pts
                frame.pts = None  # a gap in the time stamps is no silence
                stamp = stamp if self._stamped else None
                if stamp is not None and (end is None or stamp < end):  # a stream of a chain begins
                    yield from self._drained(fifo, end)
                    self._clock = stamp
                try:
                    fifo.write(frame)
                except ValueError:  # so does its sample format
                    yield from self._drained(fifo, end)
                    fifo = AudioFifo()
                    fifo.write(frame)
                end = None if stamp is None else stamp + frame.samples
                if fifo.samples >= size:
                    yield from self._drained(fifo, end)
        yield from self._drained(fifo, end)

    def _frames(self, packet):
        try:
            frames = self._decoder.decode(packet)
        except self._failures:
            self.damaged += 1
            return ()
        self.decoded += 1
        for frame in frames:
            if frame.sample_rate != self.rate:
                raise AudioUnreadable("its sampling rate changes midway")
        return frames

    def _drained(self, fifo, end):
        """Yield what has gathered; count what is missing if the time went on by more than that."""
        if not fifo.samples:
            return
        if end is not None:
            missing, self._clock = end - self._clock - fifo.samples, end
            if missing >= SHORTEST:
                self.missing += missing
                self.damaged += 1
        yield fifo.read()

    def _packets(self):
        try:
            yield from self._container.demux(self._stream)
        except self._failures:
            self.cut = True

    def close(self):
        """Close the file."""
        self._container.close()


def _mix(frame):
    """Return the mean of a frame's channels [shape=(n,), dtype=float32]."""
    channels, count = frame.layout.nb_channels, frame.samples
    dtype, scale, middle = SAMPLE_FORMATS[frame.format.packed.name]
    if frame.format.is_planar:
        planes = [np.frombuffer(plane, dtype, count) for plane in frame.planes]
        mono = planes[0].astype(np.float32)
        for plane in planes[1:]:
            mono += plane
    else:
        block = np.frombuffer(frame.planes[0], dtype, count * channels).reshape(count, channels)
        mono = block.astype(np.float32, copy=False) @ np.ones(channels, dtype=np.float32)
    if middle:
        mono -= middle * channels
    mono *= scale / channels
    return mono


def _has_contents(path):
    """Tell whether an mp3 file's first frame carries the number of frames (Xing, Info or VBRI)."""
    _, head = _first_frame(path)
    return bool(_counted(head)[0]) or b"VBRI" in head


def _is_whole_mp3(path):
    """Tell whether a file is an mp3 of as many bytes as its first frame says, plus tags."""
    start, head = _first_frame(path)
    _, size = _counted(head)
    rest = os.path.getsize(path) - start - size
    return head[:1] == b"\xff" and size > 0 and 0 <= rest <= TAGS


def _first_frame(path):
    """Return where an mp3 file's first frame is, behind ID3 tags, and what stands there."""
    with open(path, "rb") as file:
        start, head = 0, file.read(10)
        while head[:3] == b"ID3" and len(head) == 10:
            a, b, c, d = (byte & 127 for byte in head[6:])
            start += 10 + (a << 21 | b << 14 | c << 7 | d)
            file.seek(start)
            head = file.read(10)
        return start, head + file.read(4096)


def _counted(head):
    """Return the numbers of frames and bytes that a first frame tells; 0 where it does not."""
    for mark in (b"Xing", b"Info"):
        place = head.find(mark) + 4
        if place > 3 and len(head) >= place + 12:
            flags, *numbers = struct.unpack_from(">III", head, place)
            frames = numbers.pop(0) if flags & 1 else 0
            return frames, numbers.pop(0) if flags & 2 else 0
    return 0, 0


def _last_page(path):
    """Return whether an Ogg file's last page is marked as the end, and the samples until then."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2 * 65_307))  # the largest page, twice
        tail = file.read()
    place = tail.rfind(b"OggS")
    if place < 0 or len(tail) < place + 14:
        return False, 0
    flags, end = struct.unpack_from("<Bq", tail, place + 5)
    return bool(flags & 4), end
