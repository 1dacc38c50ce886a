"""SHS100K: the lists as published, recordings from a web server, what is dead stays dead."""

import functools

import pandas as pd
import pytest

from bytecover_lite.coverage import CoverageError
from bytecover_lite.errors import BytecoverError
from bytecover_lite.versions import read_versions

pytest.importorskip("yt_dlp", reason="yt-dlp is not installed (extra `data`)")

COUNTS = {"train": (4, 2), "validation": (2, 1), "test": (3, 1)}
SPLITS = {"TRAIN": ["1\t0", "1\t1", "2\t0", "2\t3"], "VAL": ["5\t0", "5\t1"]}
SPLITS["TEST"] = ["8110\t0", "8110\t1", "8110\t4"]


def lists_of(address, count=9):
    """Lists laid out like the published ones; recordings are wav files of a local server."""
    versions = [line for split in ("TRAIN", "VAL", "TEST") for line in SPLITS[split]]
    rows = [
        f"{version}\tTitle {version[0]}\tSinger {i}\t{address}/{i}.wav\t1"
        for i, version in enumerate(versions[:count])
    ]
    found = {f"SHS100K-{split}": "\n".join(lines) + "\n" for split, lines in SPLITS.items()}
    return found | {"list": "\n".join(rows) + "\n"}


@pytest.fixture
def shs100k(script, monkeypatch):
    module = script("shs100k")
    monkeypatch.setitem(module.COUNTS, "v2", COUNTS)
    return module


@pytest.fixture
def lists(source, tone, tmp_path):
    for number in range(9):
        source.files[f"{number}.wav"] = tone(number)
    for name, text in lists_of(source.address).items():
        (tmp_path / "lists").mkdir(exist_ok=True)
        (tmp_path / "lists" / name).write_text(text)
    return tmp_path / "lists"


def states(out):
    report = pd.read_csv(out / "recordings.csv", keep_default_na=False)
    return dict(zip(report["version"], report["status"], strict=True))


def test_the_published_splits_and_names_are_kept(shs100k, lists):
    table, addresses = shs100k.read_set(lists)
    assert list(table["version"])[:4] == ["1_0", "1_1", "2_0", "2_3"]
    assert list(table["clique"])[-1] == "shs8110"
    assert shs100k.counts(table) == COUNTS
    assert addresses["8110_4"].endswith("/8.wav")


def test_recordings_are_fetched_once_and_dead_ones_not_again(
    shs100k, lists, source, tmp_path, capsys
):
    del source.files["2.wav"], source.files["7.wav"]
    source.files["4.wav"] = source.files["4.wav"][:40_000]
    options = {"lists": lists, "fetch_audio": True, "per_minute": 1e6, "listen": True, "jobs": 1}
    shs100k.main(tmp_path / "out", **options)
    expected = dict.fromkeys(["1_0", "1_1", "2_3", "5_1", "8110_0", "8110_4"], "found")
    expected |= {"2_0": "dead", "8110_1": "dead", "5_0": "broken"}
    assert states(tmp_path / "out") == expected
    table = read_versions(tmp_path / "out" / "versions.csv")
    assert set(table["version"]) == {v for v, state in expected.items() if state == "found"}
    asked = len(source.asked)
    shs100k.main(tmp_path / "out", **options)
    assert len(source.asked) == asked
    assert states(tmp_path / "out") == expected
    source.files["2.wav"] = source.files["1.wav"]
    shs100k.main(tmp_path / "out", **options, again=True)
    assert states(tmp_path / "out") == expected | {"2_0": "duplicate"}
    assert "dead" in capsys.readouterr().out


def test_a_dry_run_asks_nobody_and_writes_nothing(shs100k, lists, source, tmp_path, capsys):
    shs100k.main(tmp_path / "out", lists=lists, dry_run=True, splits=("test",))
    assert "would fetch 3 of 3 recordings" in capsys.readouterr().out
    assert not source.asked
    assert not (tmp_path / "out").exists()


def test_lists_are_downloaded_from_the_top_or_from_meta(shs100k, source, tmp_path):
    for name, text in lists_of(source.address).items():
        place = "SHS100K2/HEAD/" + ("meta/" if name != "SHS100K-TEST" else "")
        source.files[place + name] = text.encode()
    folder = shs100k.fetch_lists(tmp_path, address=source.address)
    assert shs100k.counts(shs100k.read_set(folder)[0]) == COUNTS


def test_own_recordings_are_found_by_name_anywhere(shs100k, lists, place, tmp_path, capsys):
    place(tmp_path / "music" / "deep" / "8110_0.wav", 0)
    place(tmp_path / "music" / "8110_4.WAV", 1)
    shs100k.main(tmp_path / "out", lists=lists, audio=tmp_path / "music", jobs=1)
    assert list(read_versions(tmp_path / "out" / "versions.csv")["version"]) == ["8110_0", "8110_4"]


def test_the_two_editions_are_never_mixed(shs100k, lists, place, tmp_path, monkeypatch):
    place(tmp_path / "music" / "8110_0.wav", 0)
    options = {"lists": lists, "audio": tmp_path / "music", "jobs": 1}
    shs100k.main(tmp_path / "out", **options)
    monkeypatch.setitem(shs100k.COUNTS, "v1", {"test": COUNTS["test"]})
    with pytest.raises(CoverageError, match=r"holds SHS100K2, not SHS100K"):
        shs100k.main(tmp_path / "out", edition="v1", **options)
    table, _ = shs100k.read_set(lists, "v1")
    assert list(table["clique"])[-1] == "shs1-8110"


def test_other_lists_than_the_published_ones_are_refused(shs100k, lists):
    (lists / "SHS100K-TEST").write_text("8110\t0\n8110\t1\n")
    with pytest.raises(BytecoverError, match=r"test has 2 recordings of 1 works; .* has 3 of 1"):
        shs100k.read_set(lists)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("SHS100K-VAL", "5\t0\n8110\t0\n", "8110_0 is in two splits"),
        ("SHS100K-VAL", "5;0\n", r"row 1 is \['5;0'\]: not the list"),
    ],
)
def test_damaged_lists_are_refused(name, text, said, shs100k, lists):
    (lists / name).write_text(text)
    with pytest.raises(BytecoverError, match=said):
        shs100k.read_set(lists)


def test_a_damaged_row_of_titles_is_said_and_costs_its_address_only(shs100k, lists, capsys):
    text = (lists / "list").read_text().replace("8110\t4\t", "8110 4\t")
    (lists / "list").write_text(text)
    table, addresses = shs100k.read_set(lists)
    assert "1 damaged rows left out" in capsys.readouterr().out
    assert len(table) == 9
    assert "8110_4" not in addresses


def test_a_folder_without_lists_is_refused(shs100k, tmp_path):
    with pytest.raises(BytecoverError, match="has no file 'list'"):
        shs100k.read_set(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://www.youtube.com/watch?v=abcDEF12-_3", "abcDEF12-_3"),
        ("http://www.youtube.com/watch?feature=x&v=abcDEF12-_3&t=1", "abcDEF12-_3"),
        ("https://youtu.be/abcDEF12-_3", "abcDEF12-_3"),
        ("abcDEF12-_3", "abcDEF12-_3"),
        ("https://example.org/abcDEF12-_3", ""),
        ("", ""),
    ],
)
def test_ids_of_videos(text, expected, script):
    assert script("fetching").youtube_id(text) == expected


@pytest.mark.parametrize(
    ("reason", "dead"),
    [
        ("[youtube] abcDEF12-_3: Video unavailable. This video is not available", True),
        ("[youtube] abcD429F_-3: Private video. Sign in if you have been invited", True),
        ("[youtube] abcDEF12-_3: The uploader's account has been terminated", True),
        ("Unable to download webpage: HTTP Error 404: Not Found", True),
        ("Unable to download webpage: HTTP Error 503: Service Unavailable", False),
        ("[youtube] abcDEF12-_3: Requested format is not available. Use --list-formats", False),
        ("[youtube] abcDEF12-_3: Unable to download API page: HTTP Error 429", False),
        ("[youtube] abcDEF12-_3: This content isn't available, try again later.", False),
        ("Unable to download: Too Many Requests; this format is not available", False),
        ("[youtube] abcDEF12-_3: The service is currently unavailable.", False),
        ("Unable to download webpage: [Errno 11] Resource temporarily unavailable", False),
        ("[youtube] abcDEF12-_3: This content is not available on this app.. Watch on", False),
        ("unable to download video data: HTTP Error 403: Forbidden", False),
        ("[generic] Unable to download webpage: HTTP Error 403: Forbidden", True),
        ("[generic] song-unavailable: Connection reset by peer", False),
        ("[generic] rate-limit-song: Video unavailable", True),
    ],
)
def test_what_may_pass_is_not_written_down_as_dead(reason, dead, script):
    assert script("fetching").is_dead(reason) == dead


def test_colours_of_a_terminal_do_not_hide_the_name_of_a_video(script, monkeypatch, tmp_path):
    import yt_dlp

    def fail(*_):
        raise yt_dlp.DownloadError(f"\x1b[0;31mERROR:\x1b[0m [youtube] unavailable: {said.pop()}")

    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", fail)
    fetching, said = script("fetching"), ["Video unavailable", "Connection reset by peer"]
    for kind in (fetching.Busy, fetching.Dead):
        with pytest.raises(kind, match=r"^\[youtube\] unavailable: "):
            fetching.by_ytdlp("https://youtu.be/unavailable", tmp_path / "x")


def test_a_bad_night_is_not_written_down(script, monkeypatch, tmp_path):
    import yt_dlp

    def fail(*_):
        raise yt_dlp.DownloadError("ERROR: Unable to download: HTTP Error 503: Service Unavailable")

    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", fail)
    fetching, addresses = script("fetching"), {f"{i}_0": "abcDEF12-_3" for i in range(40)}
    with pytest.raises(BytecoverError, match="10 recordings in a row"):
        fetching.fetch(addresses, tmp_path, sleep=lambda _: None)
    assert not fetching.read_dead(tmp_path / "dead.csv")


def test_a_source_that_refuses_ends_the_run_and_what_is_there_is_kept(script, tmp_path):
    fetching, naps = script("fetching"), []

    def by(address, stem):
        if "good" in address:
            stem.with_suffix(".wav").write_bytes(b"sound")
        else:
            raise fetching.Busy("429")

    addresses = {f"{i}_0": f"https://example.org/{'good' if i < 3 else 'busy'}" for i in range(40)}
    with pytest.raises(BytecoverError, match=r"10 recordings in a row .* 429: wait some hours"):
        fetching.fetch(addresses, tmp_path, by=by, sleep=naps.append)
    assert len(list(tmp_path.rglob("*.wav"))) == 3
    assert naps.count(60) == naps.count(120) == 10
    assert not fetching.read_dead(tmp_path / "dead.csv")


def test_recordings_are_asked_for_slowly(script, tmp_path):
    fetching, naps = script("fetching"), []
    addresses = {f"{i}_0": "https://example.org/a" for i in range(3)}
    fetching.fetch(addresses, tmp_path, per_minute=6, by=lambda *_: None, sleep=naps.append)
    assert naps == pytest.approx([10] * 3, abs=0.5)


def test_a_plan_counts_what_the_same_options_would_fetch(script, tmp_path, capsys):
    fetching, addresses = script("fetching"), {f"{i}_0": "abcDEF12-_3" for i in range(5)}
    (tmp_path / "dead.csv").write_text("0_0,abcDEF12-_3,Private video\n")
    for options, count in (({}, 4), ({"again": True}, 5), ({"limit": 2}, 2)):
        fetching.plan(addresses, tmp_path, **options)
        assert f"would fetch {count} of 5" in capsys.readouterr().out


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_that_is_none_is_refused_before_anything_is_asked(rate, script, tmp_path):
    fetching, addresses = script("fetching"), {"1_0": "abcDEF12-_3"}
    for step in (functools.partial(fetching.fetch, by=lambda *_: None), fetching.plan):
        with pytest.raises(BytecoverError, match="give a number above 0"):
            step(addresses, tmp_path / "out", per_minute=rate)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["AC/DC_0", "../x_1", "..", ""])
def test_a_version_that_names_no_file_is_refused_before_anything_is_asked(
    version, script, tmp_path
):
    addresses, nothing = {"1_0": "abcDEF12-_3", version: "x"}, lambda *_: None
    with pytest.raises(BytecoverError, match="cannot be the name of a file"):
        script("fetching").fetch(addresses, tmp_path / "out", by=nothing, sleep=nothing)
    assert not (tmp_path / "out").exists()


def test_only_https_is_fetched(script, tmp_path):
    fetching = script("fetching")
    with pytest.raises(fetching.Dead, match="only https"):
        fetching.by_ytdlp("file:///etc/passwd", tmp_path / "x")
