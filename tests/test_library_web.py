"""Laws of the local page: it answers this machine only, takes little, keeps and fetches nothing."""

import http.client
import inspect
import io
import tempfile
import threading
import urllib.request

import pytest

from bytecover_lite.commands_library import serve
from bytecover_lite.library import Library, LibraryError
from tests.test_library import COUNT, make_song
from tests.test_library_report import Tags

pytest.importorskip("flask", reason="flask is not installed (extra `web`)")
from bytecover_lite.library_web import create_app, listen_on


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    for number in range(COUNT):
        make_song(folder / f"song{number}.wav", number)
    return Library.create(tmp_path_factory.mktemp("web") / "index", folder, jobs=1)[0]


@pytest.fixture
def client(library):
    return create_app(library, k=2, largest=300_000).test_client()


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("query") / "query.wav"
    make_song(path, 2, seconds=3.2)
    return path.read_bytes()


def drop(client, data, name="query.wav", **options):
    form = {"recording": (io.BytesIO(data), name)}
    return client.post("/", data=form, content_type="multipart/form-data", **options)


def check_harmless(answer):
    """Nothing on the page runs, and nothing is fetched from anywhere."""
    found = Tags(answer.get_data(as_text=True))
    assert not {"script", "img", "link", "iframe", "object"} & set(found.tags)
    for name, value in found.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "href", "action") or value.startswith("data:audio/mpeg;base64,")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return found


def test_a_dropped_recording_is_answered_with_players(client, song):
    assert check_harmless(client.get("/")).tags.count("input") == 1
    answer = drop(client, song)
    assert answer.status_code == 200
    found = check_harmless(answer)
    assert found.tags.count("audio") == 3
    text = "".join(found.text)
    assert text.index("song2.wav") < text.index("distance") and "What resembles query.wav" in text


def test_a_name_is_shown_as_text_and_reaches_no_disk(client, song, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    name = '../../<script>alert(1)</script>" onload="x.wav'
    answer = drop(client, song, name)
    assert answer.status_code == 200
    assert "<script>alert(1)</script>" in "".join(check_harmless(answer).text)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_recording_is_named_as_it_was_sent(client, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = drop(client, b"<script>no sound</script>", "le<b>tter.mp3")
    text = "".join(check_harmless(answer).text)
    assert answer.status_code == 422
    assert "le<b>tter.mp3: no audio" in text and str(tmp_path) not in text
    assert list(tmp_path.iterdir()) == []


def test_too_much_and_nothing_are_refused(client):
    assert drop(client, bytes(400_000)).status_code == 413
    for form in ({}, {"recording": (io.BytesIO(b""), "")}, {"other": "x"}):
        answer = client.post("/", data=form, content_type="multipart/form-data")
        assert answer.status_code == 400
        check_harmless(answer)
    assert client.get("/etc/passwd").status_code == 404


def test_other_names_and_other_pages_are_refused(client, song, library):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"Host": "127.0.0.1:8321"}).status_code == 200
    for origin in ("http://evil.example", "null"):
        assert drop(client, song, headers={"Origin": origin}).status_code == 403
    assert drop(client, song, headers={"Origin": "http://localhost"}).status_code == 200
    for name in ("localhost.evil.example", "evil.example:8321", "127.0.0.1.evil.example"):
        assert client.get("/", headers={"Host": name}).status_code == 400
    for name in ("[::1]:8321", "LOCALHOST"):
        assert client.get("/", headers={"Host": name}).status_code == 200
    elsewhere = create_app(library, host="fd00::7").test_client()
    assert elsewhere.get("/", headers={"Host": "[fd00::7]:8321"}).status_code == 200
    assert elsewhere.get("/", headers={"Host": "[fd00::8]:8321"}).status_code == 400
    open_to_all = create_app(library, host="0.0.0.0").test_client()
    assert open_to_all.get("/", headers={"Host": "music.example"}).status_code == 200


def test_a_full_disk_is_said(client, song, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("werkzeug.datastructures.FileStorage.save", full)
    answer = drop(client, song)
    assert answer.status_code == 422
    assert "No space left" in "".join(check_harmless(answer).text)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # werkzeug's file
def test_an_upload_that_does_not_tell_its_length_is_limited_too(library):
    """Sent in chunks, over a socket: the limit counts what comes, not what is claimed."""
    with listen_on(create_app(library, largest=300_000), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            head = b'--b\r\nContent-Disposition: form-data; name="recording"; filename="a.wav"'
            connection.request(
                "POST",
                "/",
                body=iter([head, b"\r\n\r\n", *[bytes(10_000)] * 40, b"\r\n--b--\r\n"]),
                headers={"Content-Type": "multipart/form-data; boundary=b"},
                encode_chunked=True,
            )
            assert connection.getresponse().status == 413
            connection.close()
        finally:
            server.shutdown()
            thread.join()


def test_it_listens_on_this_machine_unless_told_otherwise(library):
    assert inspect.signature(serve).parameters["host"].default == "127.0.0.1"
    with listen_on(create_app(library), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            place = f"http://127.0.0.1:{server.port}/"
            with urllib.request.urlopen(place, timeout=30) as answer:
                assert f"{COUNT} recordings" in answer.read().decode()
            with pytest.raises(LibraryError, match="cannot be listened on"):
                listen_on(create_app(library), "127.0.0.1", server.port)
        finally:
            server.shutdown()
            thread.join()
