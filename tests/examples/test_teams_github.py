"""The sample app and GitHub: signed webhook deliveries, and tokens that GitHub would accept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from examples.flask_app.teams_app.signing import is_signed, load_signing_key

SECRET = "It's a Secret to Everybody"


def deliver(client, event, payload, **headers):
    """Sends a delivery signed with the secret, unless `headers` say otherwise."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    sent = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": f"sha256={signature}",
        "Content-Type": "application/json",
    }
    return client.post("/github/webhook", data=body, headers=sent | headers)


def team(action, github_id, name):
    """The payload of a `team` event, as far as the app reads it."""
    details = {"id": github_id, "name": name, "slug": "s"}
    return {"action": action, "team": details, "organization": {"login": "o"}}


def teams(app):
    """What the database holds."""
    with closing(sqlite3.connect(app.config["DATABASE"])) as connection:
        return connection.execute("SELECT name, github_id FROM team ORDER BY id").fetchall()


def test_githubs_documented_signature():
    """The example of «Validating webhook deliveries» on docs.github.com is accepted, and nothing near it."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed(b"Hello, World!", signature, SECRET)
    assert not is_signed(b"Hello, World?", signature, SECRET)
    assert not is_signed(b"Hello, World!", signature, SECRET + " ")
    assert not is_signed(b"Hello, World!", signature.removeprefix("sha256="), SECRET)
    assert not is_signed(b"Hello, World!", signature[:-1], SECRET)
    assert not is_signed(b"Hello, World!", "", SECRET)


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "sha256=\xe9"],
)
def test_a_delivery_without_the_right_signature_is_refused(app, client, signature):
    """A missing, wrong or malformed signature is answered by 401 and changes nothing."""
    answer = deliver(client, "team", team("created", 1, "Intruders"), **{"X-Hub-Signature-256": signature})
    assert answer.status_code == 401
    assert answer.json == {"error": "the signature is missing or wrong"}
    assert teams(app) == []


def test_a_changed_body_is_refused(app, client):
    """The signature covers every byte: the same JSON with one more blank is another body."""
    body = json.dumps(team("created", 1, "Ops")).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    answer = deliver(client, "team", body + b" ", **{"X-Hub-Signature-256": signature})
    assert answer.status_code == 401
    assert teams(app) == []


def test_ping_is_answered(client):
    """The delivery that GitHub sends first is answered by 200."""
    answer = deliver(client, "ping", {"zen": "Keep it logically awesome."})
    assert (answer.status_code, answer.json) == (200, {"outcome": "pong"})


def test_team_events_keep_the_list_in_step(app, client):
    """Created, edited and deleted teams appear, change their name and go; a repeated delivery changes nothing."""
    for _ in range(2):
        assert deliver(client, "team", team("created", 7, "Ops")).json == {"outcome": "team kept"}
        assert teams(app) == [("Ops", 7)]
    deliver(client, "team", team("edited", 7, "Operations"))
    assert teams(app) == [("Operations", 7)]
    assert "GitHub</span>" in client.get("/").text
    for _ in range(2):
        assert deliver(client, "team", team("deleted", 7, "Operations")).json == {"outcome": "team removed"}
        assert teams(app) == []


def test_a_team_added_by_hand_becomes_githubs(app, client):
    """A team of the same name that has no GitHub id yet takes it, and is not added a second time."""
    with closing(sqlite3.connect(app.config["DATABASE"])) as connection, connection:
        connection.execute("INSERT INTO team (name) VALUES ('ops')")
    deliver(client, "team", team("created", 7, "Ops"))
    assert teams(app) == [("ops", 7)]


def test_two_github_teams_cannot_share_a_name(app, client):
    """A second team of the same name is answered by 409, and so is renaming one to another's name."""
    deliver(client, "team", team("created", 7, "Ops"))
    deliver(client, "team", team("created", 8, "Dev"))
    assert deliver(client, "team", team("created", 9, "OPS")).status_code == 409
    assert deliver(client, "team", team("edited", 8, "Ops")).status_code == 409
    assert teams(app) == [("Ops", 7), ("Dev", 8)]


@pytest.mark.parametrize(
    ("event", "payload"),
    [("push", {"ref": "refs/heads/main"}), ("team", team("added_to_repository", 7, "Ops")), ("team", []), ("", {})],
)
def test_other_events_do_nothing(app, client, event, payload):
    """Events that the app has no use for are answered by 200, as GitHub expects."""
    assert deliver(client, event, payload).json == {"outcome": "nothing to do"}
    assert teams(app) == []


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (b"not JSON", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        ({"action": "created"}, 400),
        ({"action": "created", "team": []}, 400),
        (team("created", "7", "Ops"), 400),
        (team("created", True, "Ops"), 400),
        (team("created", 2**63, "Ops"), 400),
        (team("created", 0, "Ops"), 400),
        (team("created", 7, None), 400),
        (team("created", 7, "  "), 422),
        (team("created", 7, "\ud800"), 422),
        ({"action": ["created"], "team": {}}, 200),
    ],
)
def test_a_signed_delivery_of_the_wrong_shape_is_refused(app, client, payload, status):
    """A signature does not make a payload right: what does not fit is refused, never an error of the app."""
    assert deliver(client, "team", payload).status_code == status
    assert teams(app) == []


def test_a_form_encoded_delivery_is_refused(client):
    """GitHub's other content type is answered by what to set instead."""
    answer = deliver(client, "ping", b"payload=%7B%7D", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 415
    assert "application/json" in answer.json["error"]


def test_a_large_delivery_is_refused(client):
    """A body above a mebibyte is answered by 413, one below it is read although it is above the forms' limit."""
    assert deliver(client, "ping", b'"' + b"x" * (1024 * 1024) + b'"').status_code == 413
    assert deliver(client, "ping", b'"' + b"x" * (1024 * 1024 - 2) + b'"').status_code == 200


def test_the_webhook_answers_problems_in_json(client):
    """Scripts get JSON and the headers that belong to the status."""
    answer = client.get("/github/webhook")
    assert answer.status_code == 405
    assert answer.is_json
    assert "POST" in answer.headers["Allow"]


def read(part):
    """One part of a token, decoded."""
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def ask(client, authorization="Bearer only=the/admin:knows"):
    """Asks for a token."""
    return client.post("/github/token", headers={"Authorization": authorization} if authorization else {})


def test_the_token_is_what_github_wants(client, signing_key):
    """The token names RS256 and the App, is dated back a minute, ends within ten, and the public key verifies it."""
    before = int(time.time())
    answer = ask(client)
    after = int(time.time())
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    signed, _, signature = answer.json["token"].rpartition(".")
    header, claims = map(read, signed.split("."))
    assert header == {"alg": "RS256", "typ": "JWT"}
    assert set(claims) == {"iat", "exp", "iss"}
    assert claims["iss"] == "Iv1.8a61f9b3a7aba766"
    assert before - 60 <= claims["iat"] <= after - 60
    assert claims["exp"] == claims["iat"] + 600 == answer.json["expires_at"]
    assert "=" not in answer.json["token"]
    signing_key.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="), signed.encode(), PKCS1v15(), hashes.SHA256()
    )


@pytest.mark.needs("openssl")
def test_openssl_verifies_the_token(client, signing_key, tmp_path):
    """A second, independent program finds the signature right, and one over other bytes wrong."""
    signed, _, signature = ask(client).json["token"].rpartition(".")
    public = signing_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    (tmp_path / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
    command = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
    for body, expected in ((signed, 0), (signed + "x", 1)):
        done = subprocess.run(command, cwd=tmp_path, input=body.encode(), capture_output=True, check=False, timeout=30)
        assert done.returncode == expected, done


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic only=the/admin:knows", "only=the/admin:knows", "Bearer \xe9"],
)
def test_strangers_get_no_token(client, authorization):
    """Without the admin token the answer is 401, says which scheme is wanted, and holds no token."""
    answer = ask(client, authorization)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert set(answer.json) == {"error"}


def test_a_token_is_never_given_by_get(client):
    """A token is made on request only: no link, image or cache can ask for one."""
    assert client.get("/github/token", headers={"Authorization": "Bearer only=the/admin:knows"}).status_code == 405


def test_only_an_rsa_key_without_a_password_signs(signing_key):
    """Another kind of key, one with a password, and rubbish are refused in one sentence without any of the key."""
    ecdsa = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    locked = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    for pem in (ecdsa, locked, b"rubbish"):
        with pytest.raises(ValueError, match=r"^is not an RSA private key without a password, which") as caught:
            load_signing_key(pem)
        assert caught.value.__context__ is None
