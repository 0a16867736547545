"""The kinds of paths: of files and folders, and of URLs."""

from __future__ import annotations

import re

from envkit.deployment.kind import Kind, Wrong
from envkit.deployment.name_kinds import SETTING

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH = r"/[^\u0000-\u001f\u007f]+"
_SEGMENT = r"[A-Za-z0-9._~-]+"
_URL_PREFIX = rf"/(?:{_SEGMENT}/)+"
_URL_PATH = rf"/(?:{_SEGMENT}/)*(?:{_SEGMENT})?"


def _path(text: str) -> str:
    if _CONTROL.search(text):
        raise Wrong("must not hold a control character")
    if not text.startswith("/"):
        raise Wrong("must be an absolute path")
    if ".." in text.split("/"):
        raise Wrong("must not hold ..")
    path = re.sub(r"/+", "/", text).rstrip("/")
    if not path:
        raise Wrong("must not be the root folder")
    return path


def _database(text: str) -> str:
    if "://" in text:
        raise Wrong("must be the name of a setting or the path of a SQLite file", "keep the URL itself in the setting")
    if "/" in text:
        return _path(text)
    if not re.fullmatch(SETTING, text):
        raise Wrong("must be the name of a setting, such as DATABASE_URL, or the path of a SQLite file")
    return text


def _url_prefix(text: str) -> str:
    if not re.fullmatch(_URL_PREFIX, text) or _traverses(text):
        raise Wrong("must be a URL prefix such as /static/: folders of letters, digits and . _ ~ -, between slashes")
    return text


def _url_path(text: str) -> str:
    if not re.fullmatch(_URL_PATH, text) or _traverses(text):
        raise Wrong("must be the path of a URL such as /health: letters, digits and . _ ~ - between slashes")
    return text


def _traverses(url: str) -> bool:
    return bool({".", ".."} & set(url.split("/")))


PATH_KINDS: dict[str, Kind] = {
    "path": Kind(_path, _PATH),
    "database": Kind(_database, rf"{SETTING}|{_PATH}"),
    "url_prefix": Kind(_url_prefix, _URL_PREFIX),
    "url_path": Kind(_url_path, _URL_PATH),
}
