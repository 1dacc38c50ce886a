"""Laws of what is shown: names of files are text, wherever they appear."""

import html.parser
import json
import os
import subprocess
import sys

import pytest

from bytecover_lite.cli import main
from bytecover_lite.library_report import format_matches, printable, write_page
from tests.test_library import COUNT, make_song

MATCH = {
    "distance": 0.25,
    "semitones": -3,
    "tempo": 0.9,
    "start": 0.0,
    "other_start": 90.2,
    "probability": 0.5,
}
OFFLINE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit(f"{event}: {arguments}")

sys.addaudithook(refuse)
from bytecover_lite.cli import main

folder, index, song = sys.argv[1:]
main(["index", folder, "--out", index, "--jobs", "1"])
main(["find", song, "--index", index, "--html", index + ".html"])
main(["compare", song, song])
main(["duplicates", index])
"""
HOSTILE = "<script>alert(1)</script> & \"quotes'.wav"


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    for number in range(COUNT):
        make_song(folder / f"song{number}.wav", number)
    return folder


@pytest.fixture(scope="module")
def index(music, tmp_path_factory):
    path = tmp_path_factory.mktemp("commands") / "my.index"
    main(["index", str(music), "--out", str(path), "--jobs", "1"])
    return path


class Tags(html.parser.HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses such names")
def test_a_page_shows_names_as_text_and_asks_for_nothing(tmp_path):
    path = tmp_path / HOSTILE.replace("/", "\N{DIVISION SLASH}")
    make_song(path, 0)
    write_page(tmp_path / "page.html", path, [{"path": str(path), "copies": [], **MATCH}])
    page = Tags((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags and page.tags.count("audio") == 2
    assert sum("<script>alert(1)" in text for text in page.text) == 4  # title, heading, captions
    for name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "href") or value.startswith("data:audio/mpeg;base64,")


def test_a_player_begins_where_the_passage_does(tmp_path, monkeypatch):
    import numpy as np

    from bytecover_lite import library_report
    from bytecover_lite.audio import write_wav

    sound = np.concatenate([np.full(22050 * 30, 0.1), np.full(22050 * 30, 0.5)])
    write_wav(tmp_path / "long.wav", sound)
    heard = []
    monkeypatch.setattr(
        library_report, "player", lambda samples, **how: heard.append(samples) or _Nothing()
    )
    library_report._player(tmp_path / "long.wav", "long", 30.0)
    library_report._player(tmp_path / "long.wav", "long", 0.0)
    assert [len(samples) for samples in heard] == [15 * 22050] * 2
    assert [round(float(samples.mean()), 2) for samples in heard] == [0.5, 0.1]


class _Nothing:
    def _repr_html_(self):
        return ""


@pytest.mark.parametrize("name", ["a\nb", "bell\a", "\x1b[31mred", "caf\udce9", "\u202egpj.exe"])
def test_a_name_stays_on_its_line(name):
    shown = printable(name)
    assert shown.isprintable() and shown != name
    table = format_matches([{"path": name, "copies": [], **MATCH}])
    assert table.count("\n") == 1 and shown in table
    unsure = format_matches([{"path": name, "copies": [], **MATCH, "tempo": None}])
    assert " ? " in unsure and unsure.count("\n") == 1
    assert " -3 " in table and " -10% " in table and "50.0%" in table
    table.encode("utf-8")


def test_ordinary_names_are_left_alone():
    assert printable("Für Elise 愛.mp3") == "Für Elise 愛.mp3"


def test_find_speaks_to_people_and_to_programs(index, music, tmp_path, capsys):
    command = ["find", str(music / "song0.wav"), "--index", str(index)]
    main([*command, "--json", "--html", str(tmp_path / "page.html")])
    found = json.loads(capsys.readouterr().out)
    assert len(found) == COUNT - 1
    assert set(found[0]) == {"path", "copies", *MATCH}
    assert (tmp_path / "page.html").read_text().count("<audio") == COUNT
    main([*command, "--k", "1"])
    assert found[0]["path"] in capsys.readouterr().out


def test_index_reports_what_became_of_every_file(index, music, capsys):
    main(["index", str(music), "--out", str(index), "--jobs", "1", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert [row["status"] for row in report] == ["unchanged"] * COUNT


def test_no_command_opens_a_connection(music, tmp_path):
    arguments = [str(music), str(tmp_path / "index"), str(music / "song0.wav")]
    run = [sys.executable, "-c", OFFLINE, *arguments]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX systems")
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(index):
    command = [sys.executable, "-m", "bytecover_lite", "duplicates", str(index), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.close()
        assert run.stderr.read() == b"" and run.wait() == 1


def test_compare_of_a_recording_with_itself_is_no_distance(music, capsys):
    main(["compare", str(music / "song0.wav"), str(music / "song0.wav"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["distance"] == pytest.approx(0, abs=1e-5) and found["semitones"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["find", "no\nsuch.wav", "--index", "INDEX"],
        ["find", "SONG", "--index", "/no/such/index"],
        ["find", "SONG", "--index", "INDEX", "--html", "/no/such/folder/page.html"],
        ["index", "/no/such/music", "--out", "/no/such/index"],
        ["compare", "SONG", "/no/such/song.wav"],
        ["index", "MUSIC", "--out", "INDEX", "--jobs", "0"],
        ["duplicates", "/no/such/index"],
    ],
)
def test_a_mistake_is_one_line(arguments, index, music, capsys):
    places = {"INDEX": str(index), "SONG": str(music / "song0.wav"), "MUSIC": str(music)}
    with pytest.raises(SystemExit) as stop:
        main([places.get(argument, argument) for argument in arguments])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("bytecover: ") and said.count("\n") == 1
    assert "no" in said or "jobs=0" in said
