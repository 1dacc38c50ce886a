"""Laws of what notebooks show."""

import base64
import html.parser
import inspect
import io

import numpy as np
import pytest
import soundfile

from bytecover_lite import errors
from bytecover_lite.notebook import Player, choose_scale, player, show_source


class Attributes(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.caption = {}, ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found[tag] = dict(attributes)

    def handle_data(self, data):
        self.caption += data.strip()


def test_player_embeds_the_sound_it_was_given():
    """What the page decodes is as long as asked for and has the pitch that went in."""
    times = np.arange(4 * 22050) / 22050
    shown = player(0.5 * np.sin(2 * np.pi * 440 * times, dtype=np.float32), caption="A", seconds=2)
    source = Attributes(shown._repr_html_()).found["audio"]["src"]
    kind, data = source.split(",")
    decoded, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert kind == "data:audio/mpeg;base64"
    assert len(decoded) / rate == pytest.approx(2, abs=0.15)
    spectrum = np.abs(np.fft.rfft(decoded))
    assert spectrum.argmax() * rate / len(decoded) == pytest.approx(440, abs=2)


def test_caption_is_text_and_accessible_name():
    caption = 'A <b>bold</b> & "quoted" caption'
    shown = Attributes(Player(b"", caption)._repr_html_())
    assert shown.caption == caption
    assert shown.found["audio"]["aria-label"] == caption
    assert "b" not in shown.found


def test_shown_source_is_the_source_that_runs():
    shown = show_source(errors.BytecoverError)._repr_markdown_()
    assert shown.startswith("```python\nclass BytecoverError(ValueError):")
    assert all(line in shown for line in inspect.getdoc(errors.BytecoverError).splitlines())
    assert shown.endswith("\n```")


def test_scale_is_printed_and_one_of_two(capsys):
    assert choose_scale() in ("cpu", "gpu")
    assert capsys.readouterr().out.startswith("scale: ")
