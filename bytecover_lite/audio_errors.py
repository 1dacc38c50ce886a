"""Every way in which an audio file can be unusable, by name (chapter "From sound to CQT")."""

from .errors import BytecoverError


class AudioError(BytecoverError):
    """An audio file cannot be used; the subclass says why."""


class AudioMissing(AudioError):
    """There is no such file."""


class AudioNotAFile(AudioError):
    """A directory, a device, a pipe or a socket stands where a file is expected."""


class AudioEmpty(AudioError):
    """The file, or the audio in it, has length 0."""


class AudioUnreadable(AudioError):
    """No permission, no audio format that a decoder knows, or too much of it is damaged."""


class AudioTruncated(AudioError):
    """The end of the recording is missing."""


class AudioNotFinite(AudioError):
    """A sample is NaN or infinite."""


class AudioOutOfRange(AudioError):
    """Samples are far outside [-1, 1], or the sampling rate is no audio rate."""


class AudioSilent(AudioError):
    """The mono mix is silent from beginning to end."""


class AudioTooShort(AudioError):
    """The recording is shorter than one averaged frame."""
