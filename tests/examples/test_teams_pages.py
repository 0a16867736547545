"""The pages of the sample app: the list, the form and its protection, problems, health, static files."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import g

from examples.flask_app.teams_app import database
from examples.flask_app.teams_app.names import UnfitNameError, team_name


def form_token(client):
    """The token in a fresh page's form."""
    return re.search(r'name="form_token" value="([^"]+)"', client.get("/").text)[1]


def add(client, name, **fields):
    """Sends the form as a browser does."""
    return client.post("/", data={"name": name, "form_token": form_token(client)} | fields)


def names(app):
    """The teams that the database holds."""
    with closing(sqlite3.connect(app.config["DATABASE"])) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM team ORDER BY id")]


def test_an_empty_list_says_so(client):
    """A fresh app shows the form and that there are no teams."""
    page = client.get("/")
    assert page.status_code == 200
    assert "0 teams" in page.text
    assert "No teams yet" in page.text


def test_a_team_is_added_and_listed(app, client):
    """The form adds a team, leads back by 303, says so once, and the list shows the team escaped."""
    answer = add(client, "  Ops &  <Security> ")
    assert (answer.status_code, answer.location) == (303, "/")
    assert names(app) == ["Ops & <Security>"]
    page = client.get("/").text
    assert "Ops &amp; &lt;Security&gt; is on the list." in page
    assert "<bdi>Ops &amp; &lt;Security&gt;</bdi>" in page
    assert "1 team<" in page
    assert "is on the list" not in client.get("/").text


def test_the_newest_teams_are_shown_first_and_not_all_of_them(app, client):
    """A long list shows the newest 200 and says how many there are."""
    with closing(sqlite3.connect(app.config["DATABASE"])) as connection, connection:
        connection.executemany("INSERT INTO team (name) VALUES (?)", [(f"team {n}",) for n in range(201)])
    page = client.get("/").text
    shown = re.findall(r"<bdi>team (\d+)</bdi>", page)
    assert shown == [str(n) for n in range(200, 0, -1)]
    assert "201 teams" in page


@pytest.mark.parametrize(
    ("name", "status", "problem"),
    [
        ("", 422, "Enter a name"),
        ("\u200b", 422, "Enter a name"),
        ("x" * 81, 422, "Use at most 80 characters; these are 81."),
        ("a\x00b", 422, "cannot be shown"),
        ("DESIGN", 409, "There is a team of this name already."),
    ],
)
def test_an_unfit_name_is_refused_and_shown_again(app, client, name, status, problem):
    """What cannot be a name, and a name that is taken, is answered by the form with the problem beside the field."""
    add(client, "Design")
    answer = add(client, name)
    assert answer.status_code == status
    assert problem in answer.text
    assert 'aria-describedby="name-problem"' in answer.text
    assert names(app) == ["Design"]


def test_names_are_composed_and_spaced_alike():
    """Two spellings of the same letters, and any white space, become one name; an emoji is a name."""
    assert team_name("Cafe\u0301\u00a0\tBar") == "Caf\u00e9 Bar"
    assert team_name("\U0001f469\u200d\U0001f4bb") == "\U0001f469\u200d\U0001f4bb"


def test_a_lone_surrogate_is_no_name():
    """JSON can bring half a character, which no file can hold."""
    with pytest.raises(UnfitNameError):
        team_name("a\ud800")


@pytest.mark.parametrize("token", ["", ".", "a.b", "é", "0" * 32 + "." + "0" * 64])
def test_a_form_without_its_token_is_refused(app, client, token):
    """A missing or invented token adds nothing, and what was sent is not shown again."""
    client.get("/")
    answer = client.post("/", data={"name": "Intruders", "form_token": token})
    assert answer.status_code == 403
    assert "Intruders" not in answer.text
    assert names(app) == []


def test_a_token_of_another_browser_is_refused(app, client):
    """A token counts only together with the session that it was made for."""
    stranger = app.test_client()
    stranger.get("/")
    token = form_token(client)
    assert stranger.post("/", data={"name": "Intruders", "form_token": token}).status_code == 403
    assert app.test_client().post("/", data={"name": "Intruders", "form_token": token}).status_code == 403
    assert names(app) == []
    assert client.post("/", data={"name": "Ours", "form_token": token}).status_code == 303


def test_the_token_differs_on_every_page_and_old_ones_hold(app, client):
    """Two pages carry different tokens, and the form on either of them works."""
    first, second = form_token(client), form_token(client)
    assert first != second
    for number, token in enumerate((first, second)):
        assert client.post("/", data={"name": f"t{number}", "form_token": token}).status_code == 303
    assert names(app) == ["t0", "t1"]


def test_the_session_cookie_is_guarded(make_app):
    """Scripts cannot read the cookie, other sites' forms do not send it, and by default only HTTPS carries it."""
    cookie = make_app(session_cookie_secure="true").test_client().get("/").headers["Set-Cookie"]
    assert {"HttpOnly", "Secure", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Secure" not in make_app().test_client().get("/").headers["Set-Cookie"]


def test_a_page_with_a_token_is_not_stored(client):
    """No cache keeps a page that was made for one browser."""
    assert client.get("/").headers["Cache-Control"] == "no-store"


def test_a_large_form_is_refused(client):
    """A body above the form's limit is answered by 413."""
    assert client.post("/", data={"name": "x" * 70_000}).status_code == 413


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/", 405)])
def test_a_problem_is_a_page(client, method, path, status):
    """What people run into is answered by a page of the app, with the headers that belong to the status."""
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert "To the list of teams" in answer.text
    assert ("Allow" in answer.headers) == (status == 405)


def test_health_is_ok_and_asks_for_nothing(client):
    """The health answer is 200 without a cookie or a token."""
    answer = client.get("/health")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert "Set-Cookie" not in answer.headers


def test_without_its_database_the_app_is_unwell(app, client):
    """When the file is gone, health and pages answer 503, nothing creates an empty one, and health comes back."""
    path = Path(app.config["DATABASE"])
    content = path.read_bytes()
    path.unlink()
    assert client.get("/health").status_code == 503
    page = client.get("/")
    assert page.status_code == 503
    assert "cannot be reached right now" in page.text
    assert not path.exists()
    path.write_bytes(content)
    assert client.get("/health").status_code == 200


def test_a_file_that_is_no_database_is_unwell(app, client):
    """A file that was overwritten is seen by the health check."""
    Path(app.config["DATABASE"]).write_bytes(b"no database at all" * 1000)
    assert client.get("/health").status_code == 503


def test_static_files_are_served(client):
    """The style sheet and the icon that the page names exist."""
    page = client.get("/").text
    paths = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert {path.rpartition(".")[2] for path in paths} == {"css", "svg"}
    for path in paths:
        with client.get(path) as answer:
            assert answer.status_code == 200


def test_the_page_needs_no_inline_styles_or_scripts(client):
    """The page works under the Content-Security-Policy of envkit.toml, which allows no inline code."""
    page = client.get("/").text
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)


def test_connections_end_with_their_request(app):
    """Each request closes its connection; none is left open in the app's context."""
    with app.test_request_context("/"):
        database.teams(1)
        connection = g.connection
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
