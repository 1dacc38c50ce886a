"""What a notebook shows besides plots: sound, source code and the scale it runs at (all chapters).

Nothing here imports IPython: objects describe themselves with ``_repr_html_`` and
``_repr_markdown_``, which JupyterLab, Colab and the rendered book all understand.
"""

import base64
import html
import importlib.metadata
import inspect
import textwrap
from dataclasses import dataclass, field

_PLAYER = """\
<figure style="margin: 0.5rem 0">
<figcaption>{caption}</figcaption>
<audio controls preload="metadata" aria-label="{label}" style="width: 100%; max-width: 32rem"
 src="data:audio/mpeg;base64,{data}"></audio>
</figure>"""


@dataclass(frozen=True)
class Player:
    """A sound with a caption that plays wherever the notebook is shown.

    Attributes
    ----------
    mp3 : bytes
        The encoded sound; it is embedded in the page, so no second file is needed.
    caption : str
        What to listen for, one sentence of plain text. It is also the accessible name.
    """

    mp3: bytes = field(repr=False)
    caption: str

    def _repr_html_(self):
        return _PLAYER.format(
            caption=html.escape(self.caption),
            label=html.escape(self.caption, quote=True),
            data=base64.b64encode(self.mp3).decode("ascii"),
        )


@dataclass(frozen=True)
class Source:
    """The source of a function, class or module, shown as highlighted Python."""

    text: str = field(repr=False)

    def _repr_markdown_(self):
        return f"```python\n{self.text}\n```"


def player(samples, *, caption, sr=22050, seconds=15.0):
    """Make a player for the first seconds of a sound.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,), range=[-1, 1]]
        Mono sound.
    caption : str
        What to listen for.
    sr : int
        Sampling rate in Hz.
    seconds : float
        Length at which the sound is cut; 15 s are about 120 KB of page weight.

    Returns
    -------
    Player
        Shown by a notebook when it is the last value of a cell or passed to ``display``.
    """
    from .audio import encode_mp3

    return Player(encode_mp3(samples[: int(seconds * sr)], sr=sr), caption)


def show_source(thing):
    """Show the source of a function, class or module exactly as the package runs it.

    Parameters
    ----------
    thing : function, class or module
        What to show.

    Returns
    -------
    Source
        Rendered as highlighted code by the notebook.
    """
    return Source(textwrap.dedent(inspect.getsource(thing)).rstrip())


def choose_scale():
    """Choose how large a notebook's experiment is, and print the choice.

    Returns
    -------
    str
        ``"gpu"`` when a CUDA device is visible, else ``"cpu"``.
    """
    import torch

    threads = f"threads: {torch.get_num_threads()}"
    scale, device = "cpu", threads
    if torch.cuda.is_available():
        scale, device = "gpu", torch.cuda.get_device_name()
    version = importlib.metadata.version("bytecover-lite")
    print(f"scale: {scale} ({device}), bytecover-lite {version}, torch {torch.__version__}")
    return scale
