"""The kinds of text that only containers and their tools need: images, bind mounts, repositories, update schedules."""

from __future__ import annotations

import re

from envkit.deployment.kind import Kind, Wrong, of_form
from envkit.deployment.schedules import Cron, Interval, parse_schedule

_IMAGE_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = (
    rf"(?:[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?/)?{_IMAGE_PART}(?:/{_IMAGE_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_FOLDER_CHARACTER = r"[^:,\u0022\u005c\u0000-\u001f\u007f]"
_HOST_FOLDER = rf"(?:/{_FOLDER_CHARACTER}+|\.{{1,2}}(?:/{_FOLDER_CHARACTER}*)?)"
_MOUNT = rf"{_HOST_FOLDER}:/{_FOLDER_CHARACTER}+"
_GIT_URL = r"(?:https://|ssh://|git://)?[A-Za-z0-9._~@:/%+-]+"
_LONGEST = 300

_SIX = 6
_DAYS, _WEEKDAYS = 31, 7
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def six_fields(text: str) -> str:
    """A schedule as a cron line of six fields, seconds first, in UTC.

    Watchtower took a line of five fields for one whose first field is seconds until the fork's 1.14: `*/10 * * * *`
    fired every ten seconds. Six fields mean the same to every version.

    Raises:
        Wrong: it is no schedule, or one that no cron line can say.
    """
    words = text.lower().split()
    seconds = "0"
    if len(words) == _SIX and words[0] != "every":
        seconds, *words = words
        if not re.fullmatch(r"[0-5]?[0-9]", seconds):
            raise Wrong("has a first field, of seconds, that is not a number from 0 to 59")
    try:
        schedule = parse_schedule(" ".join(words))
    except ValueError as error:
        problem = str(error)
    else:
        return " ".join((seconds, _interval(schedule) if isinstance(schedule, Interval) else _cron(schedule, words)))
    raise Wrong(problem)


def _interval(interval: Interval) -> str:
    seconds = interval.seconds
    if seconds < _HOUR:
        return f"*/{seconds // _MINUTE} * * * *"
    if seconds < _DAY:
        return f"0 */{seconds // _HOUR} * * *"
    if seconds == _DAY:
        return "0 0 * * *"
    if seconds == 7 * _DAY:
        return "0 0 * * 0"
    raise Wrong("must be an interval that a cron line can say: minutes or hours that divide evenly, 1d or 7d")


def _cron(cron: Cron, words: list[str]) -> str:
    """The line as it was written, but for what Watchtower does not know: @ words, and Sunday as 7.

    Its library, robfig/cron, also tells otherwise than crontab(5) whether either day is enough: to crontab(5) a field
    that begins with `*` restricts nothing, to the library one with a plain `*` in it. Both agree on `*` alone.
    """
    if words[0].startswith("@"):
        fields = [(cron.minutes, 60), (cron.hours, 24), (cron.days, 31), (cron.months, 12), (cron.weekdays, 7)]
        return " ".join("*" if len(numbers) == most else str(numbers[0]) for numbers, most in fields)
    minutes, hours, days, months, weekdays = words
    every_day, every_weekday = len(cron.days) == _DAYS, len(cron.weekdays) == _WEEKDAYS
    if cron.either_day:
        every_day = every_weekday = every_day or every_weekday
    elif not (every_day or every_weekday):
        raise Wrong(
            "asks for a day of the month that is also one of the week, which Watchtower does not know",
            "restrict one of the two fields",
        )
    if "7" in weekdays:
        weekdays = ",".join(map(str, cron.weekdays))
    return " ".join((minutes, hours, "*" if every_day else days, months, "*" if every_weekday else weekdays))


def _image(text: str) -> str:
    if len(text) > _LONGEST or not re.fullmatch(_IMAGE, text):
        raise Wrong("must be the name of an image, with registry and tag where it has them: ghcr.io/example/shop:1.4")
    return text


def _mount(text: str) -> str:
    host, _, target = text.partition(":")
    if not re.fullmatch(_MOUNT, text):
        raise Wrong(
            "must be HOST:CONTAINER, both absolute paths, the first perhaps beginning with . instead, such as "
            "./data:/data",
            'no path may hold : , " or \\',
        )
    inside = re.sub(r"/+", "/", target).rstrip("/")
    if not inside or ".." in inside.split("/"):
        raise Wrong("must mount into a folder of the container: not its root, and without ..")
    return f"{host.rstrip('/') or '/'}:{inside}"


def _git_url(text: str) -> str:
    if not re.fullmatch(_GIT_URL, text):
        raise Wrong("must be the URL of a git repository")
    if re.search(r"//[^/@]*:[^/@]*@", text):
        raise Wrong("holds a password, and the rendered file is made to be committed")
    return text


CONTAINER_KINDS: dict[str, Kind] = {
    "update_schedule": Kind(six_fields),
    "image": Kind(_image, _IMAGE),
    "folder": of_form(
        _HOST_FOLDER,
        'must be a folder: an absolute path, or one that begins with . or .., without : , " and \\',
    ),
    "mount": Kind(_mount, _MOUNT),
    "git_url": Kind(_git_url, _GIT_URL),
    "branch": of_form(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}", "must be the name of a git branch"),
}
