"""Law: the page about support names every ending that is read, and no other."""

import re
from pathlib import Path

from bytecover_lite.decoders import AV_FORMATS
from bytecover_lite.library_files import SUFFIXES

PAGE = Path(__file__).parents[2] / "book" / "support.md"


def test_the_page_names_the_endings_that_an_index_looks_for():
    table = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    endings = {word for line in table for word in re.findall(r"(?<= )\.[a-z0-9]+(?= )", line)}
    assert endings == SUFFIXES


def test_no_format_that_can_refer_to_other_files_is_read():
    assert not set(AV_FORMATS.split(",")) & {"hls", "concat", "dash", "image2", "sdp", "rtsp"}
