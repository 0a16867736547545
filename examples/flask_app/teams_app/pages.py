"""What people see, the teams and the form that adds one; and the health that machines ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, jsonify, redirect, render_template, request, url_for

from . import database
from .form_token import is_form_token, new_form_token
from .names import LONGEST_NAME, UnfitNameError, team_name

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

TEAMS_SHOWN = 200

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def list_teams() -> ResponseReturnValue:
    """The teams and the form."""
    return _page()


@blueprint.post("/")
def add_team() -> ResponseReturnValue:
    """Adds a team and leads back to the list, so that reloading the page adds nothing."""
    text = request.form.get("name", "")
    if not is_form_token(request.form.get("form_token", "")):
        # The text is not shown again: who wrote it is the very question.
        return _page("This form was open for too long, or cookies are off. Please send it again.", status=403)
    try:
        name = team_name(text)
    except UnfitNameError as error:
        return _page(str(error), text, status=422)
    try:
        database.add_team(name)
    except database.NameTakenError:
        return _page("There is a team of this name already.", text, status=409)
    current_app.logger.info("team added")
    flash(f"{name} is on the list.")
    return redirect(url_for("pages.list_teams"), 303)


@blueprint.get("/health")
def health() -> ResponseReturnValue:
    """200 when the app can do its work, else 503."""
    well = database.is_well()
    response = jsonify(status="ok" if well else "database unavailable")
    response.headers["Cache-Control"] = "no-store"
    return response, 200 if well else 503


def _page(problem: str = "", text: str = "", *, status: int = 200) -> ResponseReturnValue:
    count, newest = database.teams(TEAMS_SHOWN)
    page = render_template(
        "teams.html",
        teams=newest,
        count=count,
        problem=problem,
        text=text,
        longest=LONGEST_NAME,
        form_token=new_form_token(),
    )
    # The form's token is for this browser and this session.
    return page, status, {"Cache-Control": "no-store"}
