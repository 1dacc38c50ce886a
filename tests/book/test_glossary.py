"""Laws of the glossary."""

import json
import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
TEXT = (BOOK / "glossary.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"- \*\*(?P<words>[^*]+)\*\*: (?P<text>.+) See \[[^]]+\]\((?P<page>[\w.]+)\)\.")
LINES = [line for line in TEXT.splitlines() if line.startswith("- ")]
ENTRIES = [entry for entry in map(ENTRY.fullmatch, LINES) if entry]


def words(entry):
    return entry["words"].split(", ")


def page(name):
    text = (BOOK / name).read_text(encoding="utf-8")
    if name.endswith(".ipynb"):
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text.lower()


def test_every_entry_has_the_form():
    """A word, one to three sentences, and where it is put to work."""
    assert len(ENTRIES) == len(LINES) > 50
    for entry in ENTRIES:
        sentences = re.findall(r"[.?!](?=\s|$)", entry["text"])
        assert 1 <= len(sentences) <= 3, entry["words"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: words(entry)[0])
def test_the_page_of_an_entry_uses_the_word(entry):
    """Any of its names, or a word of the same root."""
    text = page(entry["page"])
    assert any(word.lower()[:6] in text for word in words(entry))


def test_words_stand_in_order():
    for section in TEXT.split("\n## ")[1:]:
        listed = [words(entry)[0] for entry in ENTRIES if entry[0] in section]
        assert listed == sorted(listed, key=str.casefold)


def test_no_word_stands_twice():
    every = [word.lower() for entry in ENTRIES for word in words(entry)]
    assert sorted(set(every)) == sorted(every)
