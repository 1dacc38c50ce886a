"""A page on one's own machine: drop a recording, hear what resembles it (chapter "Your own music").

The page runs no script, fetches nothing and serves no file: sounds are within it. It answers under
the names of this machine only, so that no other page can reach it through the visitor's browser.
The library at work is flask (extra ``web``).
"""

import html
import os
import socket
import tempfile
import threading
import urllib.parse
from pathlib import Path

from .errors import BytecoverError
from .library_files import SUFFIXES, LibraryError
from .library_report import POLICY, format_page, format_players, printable

ANYWHERE = ("0.0.0.0", "::")
OWN_MACHINE = ("localhost", "127.0.0.1", "::1")
_FORM = """\
<form method="post" enctype="multipart/form-data">
<label>A recording, dropped here or chosen, of at most {megabytes} MB:
<input type="file" name="recording" required></label>
<button>Find what resembles it</button>
</form>
<p>It is compared with {count} recordings and not kept.</p>"""


def create_app(library, *, k=10, largest=200 * 10**6, host="127.0.0.1"):
    """Make the web application.

    Parameters
    ----------
    library : Library
    k : int
        How many matches to show.
    largest : int
        Bytes that a request may have.
    host : str
        Address that it will listen on: with those of this machine, the one name under which it
        answers. An address that stands for all answers under every name.

    Returns
    -------
    flask.Flask

    Raises
    ------
    LibraryError
        If flask is not installed.
    """
    try:
        import flask
    except ImportError as error:
        raise LibraryError("the page needs `pip install bytecover-lite[web]`") from error
    app = flask.Flask("bytecover", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = largest
    names = {host.lower(), *OWN_MACHINE}
    form = _FORM.format(megabytes=largest // 10**6, count=len(library.collection))
    alone = threading.Lock()  # one search at a time has all cores

    @app.before_request
    def refuse_other_names_and_pages():
        # not flask's TRUSTED_HOSTS, which takes no address of IPv6
        name = urllib.parse.urlsplit(flask.request.host_url).hostname
        if host not in ANYWHERE and name not in names:
            return format_page("Refused", "<p>This page answers under other names.</p>"), 400
        origin = flask.request.headers.get("Origin")
        if origin is not None and origin != flask.request.host_url.rstrip("/"):
            return format_page("Refused", "<p>Another page asked for this.</p>"), 403

    @app.get("/")
    def ask():
        return format_page("What does this recording resemble?", form)

    @app.post("/")
    def answer():
        upload = flask.request.files.get("recording")
        if upload is None or not upload.filename:
            return format_page("No recording came", form), 400
        with alone:
            try:
                found = _search(library, upload, k)
            except (BytecoverError, OSError) as error:  # such as a full disk
                told = f"<p>{html.escape(printable(error))}</p>"
                return format_page("That did not work", told + form), 422
        return format_page(f"What resembles {upload.filename}", found + form)

    @app.errorhandler(413)
    def refuse_large(error):
        return format_page("That is too large", form), 413

    @app.after_request
    def add_headers(response):
        response.headers["Content-Security-Policy"] = f"{POLICY}; frame-ancestors 'none'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def _search(library, upload, k):
    """Search with an uploaded file, under its own name, of which nothing reaches the disk."""
    suffix = Path(upload.filename).suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "recording" + (suffix if suffix in SUFFIXES else ""))
        upload.save(path)
        try:
            return format_players(path, library.find(path, k=k), name=upload.filename)
        except BytecoverError as error:
            raise LibraryError(str(error).replace(path, upload.filename)) from error


def listen_on(app, host, port):
    """Make a server that answers for the application.

    Parameters
    ----------
    app : flask.Flask
    host : str
    port : int
        0 takes any that is free.

    Returns
    -------
    werkzeug.serving.BaseWSGIServer
        Its ``serve_forever`` answers, its ``server_port`` is where.

    Raises
    ------
    LibraryError
        If nothing can listen there.
    """
    from werkzeug.serving import make_server

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        place = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise LibraryError(
            f"{host}:{port} cannot be listened on ({error}); give another --host or --port"
        ) from error
    # the server takes a copy of the socket: what it would say of a used port is not for users
    with place:
        return make_server(host, port, app, threaded=True, fd=place.fileno())
