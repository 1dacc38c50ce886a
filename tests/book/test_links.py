"""Laws of the links to other servers."""

import pytest

import links
import slug

OWN = f"https://github.com/{slug.current()}"


@pytest.mark.parametrize("path", links.pages(), ids=lambda path: path.name)
def test_every_link_of_a_page_may_be_there(path):
    assert links.problems(path) == []


def test_pages_with_links_are_seen():
    """The checks above are not about nothing."""
    seen = {path.name: len(links.links(path)) for path in links.pages()}
    assert seen["07_scoring.ipynb"] > 5 and seen["references.bib"] > 10 and seen["README.md"] > 3


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ("http://arxiv.org/abs/2010.14022", "not https"),
        ("https://example.com/", "not on the list"),
        ("https://arxiv.org/pdf/2010.14022", "not of the form"),
        ("https://arxiv.org/abs/2010.1402", "not of the form"),
        ("https://doi.org/1121/1.400476", "not of the form"),
        (f"{OWN}/blob/main/bytecover_lite/absent.py", "not there"),
    ],
)
def test_a_link_that_leads_astray_is_named(link, complaint):
    assert complaint in links.problem(link)


@pytest.mark.parametrize(
    "link",
    [
        "https://arxiv.org/abs/2010.14022",
        f"{OWN}/blob/main/bytecover_lite/cqt.py",
        f"{OWN}/issues",
        f"{slug.site(slug.current())}/index.html",
    ],
)
def test_a_sound_link_passes(link):
    assert links.problem(link) is None


def test_a_link_ends_where_the_sentence_goes_on(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("See [it](https://arxiv.org/abs/1), https://a.org/b_(c), (or https://a.org/d).")
    assert links.links(page) == [
        "https://arxiv.org/abs/1",
        "https://a.org/b_(c)",
        "https://a.org/d",
    ]
