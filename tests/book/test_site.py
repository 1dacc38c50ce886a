"""Laws of the rendered pages that need no browser."""

import functools
import html.parser
import re
import urllib.parse
from pathlib import Path

import pytest

import links

pytestmark = pytest.mark.site
SITE = Path(__file__).resolve().parents[2] / "web" / "site"
MAXIMAL_WEIGHT = 3_000_000  # bytes of a page and its own pictures and sounds
_FETCHED = {"img": "src", "script": "src", "audio": "src", "source": "src", "iframe": "src"}

_LINKED = ("stylesheet", "preload", "icon", "modulepreload")


class Page(html.parser.HTMLParser):
    """What a page links to, what it fetches, which anchors it has."""

    def __init__(self, path):
        super().__init__()
        self.links, self.fetched, self.anchors, self.images = [], [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.anchors.add(attributes["id"])
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag == "img":
            self.images.append(attributes)
        if attributes.get(_FETCHED.get(tag)):
            self.fetched.append(attributes[_FETCHED[tag]])
        if tag == "link" and attributes.get("rel") in (
            "stylesheet",
            "preload",
            "icon",
            "modulepreload",
        ):
            self.fetched.append(attributes["href"])


@functools.cache
def parse(path):
    return Page(path)


def local(reference):
    parts = urllib.parse.urlsplit(reference)
    return None if parts.scheme or parts.netloc else parts


def test_internal_links_and_anchors_resolve(page_name):
    broken = []
    for link in parse(SITE / page_name).links:
        parts = local(link)
        if parts is None:
            continue
        target = (SITE / page_name).parent / urllib.parse.unquote(parts.path or page_name)
        anchored = not parts.fragment or target.suffix != ".html" or not target.is_file()
        if not target.exists() or not (anchored or parts.fragment in parse(target).anchors):
            broken.append(link)
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(page_name):
    outside = [url for url in parse(SITE / page_name).fetched if urllib.parse.urlsplit(url).netloc]
    assert outside == []


def test_links_to_other_servers_are_on_the_list(page_name):
    outside = [link for link in parse(SITE / page_name).links if link.startswith("http")]
    assert [link for link in outside if links.problem(link)] == []


def test_every_picture_says_what_it_shows(page_name):
    images = parse(SITE / page_name).images
    assert [image for image in images if not image.get("alt", "").strip()] == []
    assert [image for image in images if image.get("alt", "").startswith("_images")] == []


def test_page_weighs_less_than_three_megabytes(page_name):
    own = [SITE / page_name]
    for reference in parse(SITE / page_name).fetched:
        parts = local(reference)
        if parts and parts.path.startswith("_images"):
            own.append(SITE / urllib.parse.unquote(parts.path))
    assert sum(path.stat().st_size for path in set(own)) < MAXIMAL_WEIGHT


def test_page_has_one_title(page_name):
    text = (SITE / page_name).read_text(encoding="utf-8")
    assert len(re.findall(r"<h1[ >]", text[text.index("<article") :])) == 1
