"""Laws of the rendered pages as a reader's browser sees them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
SCROLL = ROOT / "book" / "assets" / "scroll.js"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
KNOWN_CONSOLE_ERROR = re.compile(r"THEBE_JS_URL.*already been declared")  # the theme's own
DURATIONS = """() => Promise.all([...document.querySelectorAll("audio")].map(player =>
    new Promise(resolve => {
        if (player.readyState >= 1) resolve(player.duration);
        player.onloadedmetadata = () => resolve(player.duration);
        player.onerror = () => resolve(0);
        player.load();
    })))"""
AUDIT = {  # without "preload", for which axe would fetch style sheets by itself
    "light": {"preload": False},
    "dark": {"preload": False, "runOnly": {"type": "rule", "values": ["color-contrast"]}},
}


@dataclass
class Visit:
    """What one visit to a page showed."""

    requests: list = field(default_factory=list)
    failures: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    formulas: int = 0
    typeset: int = 0
    maths_errors: list = field(default_factory=list)
    durations: list = field(default_factory=list)
    narrow_width: int = 0
    wide_width: int = 0
    background: dict = field(default_factory=dict)
    barriers: dict = field(default_factory=dict)


@pytest.fixture(scope="session")
def visit(browser, address):
    """Visit every page once, wide and narrow, light and dark, and remember what was seen."""
    visits = {}

    def visit_once(name):
        if name not in visits:
            visits[name] = make_visit(browser, address, name)
        return visits[name]

    return visit_once


def make_visit(browser, address, name):
    seen = Visit()
    context = browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("requestfailed", lambda request: seen.failures.append(request.url))
    page.on("response", lambda got: seen.failures.append(got.url) if got.status >= 400 else None)
    page.on("console", lambda line: seen.errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.goto(f"{address}/{name}", wait_until="load")
    page.evaluate("() => window.MathJax ? MathJax.startup.promise : null")
    seen.formulas = page.locator(".math").count()
    seen.typeset = page.locator("mjx-container svg").count()
    seen.maths_errors = page.locator("mjx-merror, [data-mml-node=merror]").all_inner_texts()
    seen.durations = page.evaluate(DURATIONS)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            look(page, name, scheme, size, seen)
    context.close()
    return seen


def look(page, name, scheme, size, seen):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    shot = SCREENSHOTS / f"{Path(name).stem}-{size['width']}-{scheme}.png"
    page.wait_for_timeout(500)  # side bars slide
    page.screenshot(path=shot, full_page=True)
    width = page.evaluate("document.documentElement.scrollWidth")
    if size is NARROW:
        seen.narrow_width = max(width, seen.narrow_width)
    else:
        seen.wide_width = max(width, seen.wide_width)
    seen.background[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    found = Axe().run(page, options=AUDIT[scheme])
    seen.barriers[scheme] = seen.barriers.get(scheme, []) + [
        f"{size['width']} px, {rule['id']}: {node['html'][:150]}"
        for rule in found.response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def test_every_request_stays_on_this_server_and_succeeds(page_name, visit, address):
    seen = visit(page_name)
    outside = [url for url in seen.requests if not url.startswith((address, "data:", "blob:"))]
    assert (outside, seen.failures) == ([], [])


def test_console_is_quiet(page_name, visit):
    errors = [error for error in visit(page_name).errors if not KNOWN_CONSOLE_ERROR.search(error)]
    assert errors == []


def test_every_formula_is_typeset(page_name, visit):
    seen = visit(page_name)
    assert seen.maths_errors == []
    assert seen.typeset >= seen.formulas


def test_every_player_decodes(page_name, visit):
    durations = visit(page_name).durations
    assert [length for length in durations if not length or length <= 0] == []


def test_page_never_scrolls_sideways(page_name, visit):
    seen = visit(page_name)
    assert (seen.narrow_width, seen.wide_width) == (NARROW["width"], WIDE["width"])


def test_dark_readers_get_a_dark_page(page_name, visit):
    brightest = {
        scheme: max(map(int, re.findall(r"\d+", colour)[:3]))
        for scheme, colour in visit(page_name).background.items()
    }
    assert brightest["dark"] < 64 < 192 < brightest["light"]


def test_no_serious_barrier(page_name, visit):
    assert visit(page_name).barriers == {"light": [], "dark": []}


@pytest.fixture
def tab(browser):
    with browser.new_context(viewport=WIDE) as context:
        yield context.new_page()


def test_search_finds_a_word(tab, address):
    tab.goto(f"{address}/search.html?q=pooling")
    tab.wait_for_selector("#search-results li a")
    titles = tab.locator("#search-results li a").all_inner_texts()
    assert any("symbols" in title.lower() for title in titles)


def test_keyboard_reaches_the_text(tab, address):
    """The first Tab offers to skip the navigation."""
    tab.goto(f"{address}/index.html")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getAttribute('href')") == "#main-content"


def test_keyboard_plays_and_unfolds(tab, address):
    """On the home page, Tab reaches every player and the fold, and Enter opens it."""
    tab.goto(f"{address}/index.html")
    reached = []
    while "SUMMARY" not in reached and len(reached) < 300:
        tab.keyboard.press("Tab")
        reached.append(
            tab.evaluate(
                "document.activeElement.getAttribute('aria-label')"
                " || document.activeElement.tagName"
            )
        )
    players = tab.locator("article audio").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert len(players) == 3 and set(players) <= set(reached)
    tab.keyboard.press("Enter")
    assert tab.locator("details[open] > summary").count() == 1


def test_keyboard_moves_what_scrolls(tab, address):
    """On a phone, the home page's scores are a named stop of Tab, and an arrow moves them."""
    tab.set_viewport_size(NARROW)
    tab.goto(f"{address}/index.html")
    scores = tab.get_by_role("group", name="Table: Results at a glance")
    for _ in range(100):
        tab.keyboard.press("Tab")
        if scores.evaluate("box => box === document.activeElement"):
            break
    assert scores.evaluate("box => box === document.activeElement && box.scrollLeft === 0")
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("document.activeElement.scrollLeft > 0")


def test_a_box_is_a_stop_exactly_while_it_scrolls(tab):
    """Whatever the fonts of the machine: the content grows and shrinks, the box stays."""
    tab.set_content(
        """<article class="bd-article"><section><h2>Scores<a>#</a></h2>
        <div class="pst-scrollable-table-container" style="overflow-x: auto; height: 9em">
        <table><td>1</table></div></section></article>"""
    )
    tab.add_script_tag(path=SCROLL)
    for width, stops in ((3000, 1), (30, 0), (3000, 1)):
        tab.locator("table").evaluate("(table, width) => table.style.width = width + 'px'", width)
        tab.wait_for_timeout(100)  # a frame or two
        assert tab.locator("[tabindex]").count() == stops
        assert tab.get_by_role("group", name="Table: Scores").count() == stops
