"""GitHub's side: webhook deliveries that keep the list in step, and tokens for the GitHub App."""

from __future__ import annotations

import hmac
import json
import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, current_app, jsonify, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from . import database
from .names import UnfitNameError, team_name
from .signing import TOKEN_LIFETIME, app_token, is_signed, load_signing_key

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue

    from .settings import AppSettings

WEBHOOK_LIMIT = 1024 * 1024
"""Bytes; GitHub's team events have a few thousand."""
LARGEST_ID = 2**63 - 1
"""What an SQLite integer holds."""

blueprint = Blueprint("github", __name__, url_prefix="/github")


def init_app(app: Flask, settings: AppSettings) -> None:
    """Adds the addresses, and reads the key once for all requests."""
    app.extensions["github_signing_key"] = load_signing_key(settings.github_key.to_bytes())
    app.register_blueprint(blueprint)


@blueprint.post("/webhook")
def webhook() -> ResponseReturnValue:
    """Takes a delivery that GitHub signed: `team` events change the list, others do nothing."""
    request.max_content_length = WEBHOOK_LIMIT
    body = request.get_data()  # the bytes that were signed, before anything is read into them
    signature = request.headers.get("X-Hub-Signature-256", "")
    if not is_signed(body, signature, current_app.config["WEBHOOK_SECRET"]):
        abort(401, "the signature is missing or wrong")
    if not request.is_json:
        abort(415, "set the webhook's content type to application/json")
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        abort(400, "the body is not JSON")
    event = request.headers.get("X-GitHub-Event", "")
    outcome = _act_on(event, payload)
    delivery = request.headers.get("X-GitHub-Delivery", "")
    github = {"github_event": event, "github_delivery": delivery}
    current_app.logger.info("webhook: %s", outcome, extra=github)
    return jsonify(outcome=outcome)


@blueprint.post("/token")
def token() -> ResponseReturnValue:
    """A token that speaks for the GitHub App, for whoever knows the admin token."""
    if not _is_admin():
        raise Unauthorized("the bearer token is missing or wrong", www_authenticate=WWWAuthenticate("bearer"))
    now = int(time.time())
    key = current_app.extensions["github_signing_key"]
    signed = app_token(current_app.config["GITHUB_APP_ID"], key, now=now)
    current_app.logger.info("token issued")
    response = jsonify(token=signed, expires_at=now + TOKEN_LIFETIME)
    response.headers["Cache-Control"] = "no-store"
    return response


def _act_on(event: str, payload: Any) -> str:
    """What was done; doing it again, as GitHub's «Redeliver» asks for, changes nothing."""
    if event == "ping":
        return "pong"
    action = payload.get("action") if isinstance(payload, dict) else None
    if event != "team" or action not in ("created", "edited", "deleted"):
        return "nothing to do"
    team = payload.get("team")
    if not isinstance(team, dict):
        abort(400, "the team is missing")
    github_id, name = team.get("id"), team.get("name")
    if type(github_id) is not int or not 0 < github_id <= LARGEST_ID or not isinstance(name, str):
        abort(400, "the team's id or name is not one")
    if action == "deleted":
        database.forget_github_team(github_id)
        return "team removed"
    try:
        database.keep_github_team(github_id, team_name(name))
    except UnfitNameError as error:
        abort(422, str(error))
    except database.NameTakenError:
        abort(409, "another team has this name")
    return "team kept"


def _is_admin() -> bool:
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    # WSGI hands the header's bytes over as Latin-1 (PEP 3333).
    given, wanted = presented.strip().encode("latin-1", "replace"), current_app.config["ADMIN_TOKEN"].encode()
    return hmac.compare_digest(given, wanted) and scheme.lower() == "bearer"
