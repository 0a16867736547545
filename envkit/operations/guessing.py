"""Guessing a setting's field from its name and from how the code reads it; what may be secret is taken as secret."""

from __future__ import annotations

import json
import keyword
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from envkit.operations.variables import Variable

_OF_THE_SYSTEM = frozenset(
    {
        "CI", "COLUMNS", "EDITOR", "GITHUB_ACTIONS", "HOME", "HOSTNAME", "LANG", "LD_LIBRARY_PATH", "LINES", "LOGNAME",
        "NO_COLOR", "OLDPWD", "PAGER", "PATH", "PWD", "SHELL", "SHLVL", "TEMP", "TERM", "TMP", "TMPDIR", "TZ", "USER",
        "VIRTUAL_ENV", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
        "DJANGO_SETTINGS_MODULE", "FLASK_APP", "FLASK_DEBUG", "FLASK_ENV", "WEB_CONCURRENCY", "WERKZEUG_RUN_MAIN",
    }
)  # fmt: skip
_OF_PROGRAMS = ("ENVKIT_", "FLASK_RUN_", "GUNICORN_", "LC_", "PYTHON", "PYTEST_", "npm_")
_PRIVATE_KEY = re.compile(r"(?:^|_)(?:PRIVATE_KEY|PRIVATEKEY|PEM|PGP_KEY|GPG_KEY|SIGNING_KEY)(?:_PEM)?$")
_DATABASE = re.compile(r"(?:^|_)(?:DATABASE|DB|POSTGRES|POSTGRESQL|MYSQL|SQLALCHEMY_DATABASE)_UR[IL]$")
_SECRET = re.compile(
    r"(?:^|_)(?:API_?KEY|AUTH|CREDENTIALS?|DSN|KEY|KEYS|KEYID|PASS|PASSPHRASE|PASSWD|PASSWORD|PIN|PWD|SALT|SECRETS?|"
    r"TOKENS?|WEBHOOK|WEBHOOK_URL)(?:_|$)|(?:SECRET|TOKEN|PASSWORD)|"
    r"(?:^|_)(?:AMQP|BROKER|CELERY|MONGO|MONGODB|RABBITMQ|REDIS|SMTP|SENTRY)[A-Z_]*_UR[IL]$"
)
_PATH = re.compile(r"_(?:DIR|DIRECTORY|FILE|FILENAME|FOLDER|PATH|ROOT)$")
_FLAG = re.compile(r"^(?:DEBUG|TESTING|(?:ENABLE|USE|DISABLE)_.+|.+_(?:ENABLED|DISABLED|DEBUG))$")
_FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})
_FLAG_WORDS = frozenset({"true", "false", "yes", "no", "on", "off"})
_TAKEN = frozenset(
    # Names that pydantic's BaseModel has itself; a field of this name is refused or hides something.
    {
        "construct", "copy", "dict", "fields_set", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema",
        "schema_json", "settings_prefix", "update_forward_refs", "validate",
    }
)  # fmt: skip


class Guess(NamedTuple):
    """A line of the settings class."""

    line: str | None
    """None: the variable is left out."""
    imports: tuple[tuple[str, str], ...] = ()
    """Module and name."""
    reason: str = ""
    """Why it is left out; empty where nobody would miss it."""


def guessed_field(variable: Variable, names: set[str]) -> Guess:
    """The field for one variable; `names` are all variables there are."""
    name = variable.name
    if name in _OF_THE_SYSTEM or name.startswith(_OF_PROGRAMS):
        return Guess(None)
    if name.endswith("_FILE") and name.removesuffix("_FILE") in names:
        return Guess(None)  # envkit reads NAME_FILE by itself
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return Guess(None, reason="its name is not in capital letters; add it with an alias")
    kind, default, imports = _type_of(variable)
    field = name.lower()
    if keyword.iskeyword(field) or field in _TAKEN or field.startswith("model_"):
        inside = f"default={default}, alias" if default else "alias"
        return Guess(f'{field}_: {kind} = Field({inside}="{name}")', (*imports, ("pydantic", "Field")))
    return Guess(f"{field}: {kind} = {default}" if default else f"{field}: {kind}", imports)


def is_likely_secret(name: str) -> bool:
    """Whether a setting of this name is likely a secret."""
    upper = name.upper()
    if _PRIVATE_KEY.search(upper) or _DATABASE.search(upper):
        return True
    return not _PATH.search(upper) and bool(_SECRET.search(upper))


def _type_of(variable: Variable) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Type, default as Python (empty where it is required), and imports."""
    name, default = variable.name, variable.default
    if variable.cast == "key":
        return _maybe("PrivateKey", variable, (("envkit", "PrivateKey"),))
    for pattern, kind in ((_PRIVATE_KEY, "PrivateKey"), (_DATABASE, "DatabaseUrl")):
        if pattern.search(name):
            return _maybe(kind, variable, (("envkit", kind),))
    if not _PATH.search(name) and _SECRET.search(name):
        return _maybe("Secret", variable, (("envkit", "Secret"),))
    if variable.cast == "list":
        return "list[str]", json.dumps(_items(default)) if not variable.required else "", ()
    if variable.cast == "bool" or _FLAG.match(name) or (default or "").lower() in _FLAG_WORDS:
        return "bool", str((default or "").lower() not in _FALSE_WORDS) if not variable.required else "", ()
    if variable.cast in {"int", "float"} or name == "PORT" or name.endswith("_PORT"):
        return _number(variable)
    kind, imports = ("Path", (("pathlib", "Path"),)) if _PATH.search(name) else ("str", ())
    if default is None:
        return _maybe(kind, variable, imports)
    return kind, f"Path({json.dumps(default)})" if kind == "Path" else json.dumps(default), imports


def _maybe(
    kind: str, variable: Variable, imports: tuple[tuple[str, str], ...]
) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Required where the code cannot do without, or has a default that must not be taken over."""
    if variable.required or variable.default:
        return kind, "", imports
    return f"{kind} | None", "None", imports


def _number(variable: Variable) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    kind = "float" if variable.cast == "float" else "int"
    default = variable.default or ""
    if re.fullmatch(r"-?[0-9]{1,15}", default) or (kind == "float" and re.fullmatch(r"-?[0-9]{1,15}\.[0-9]+", default)):
        return kind, repr(float(default) if kind == "float" else int(default)), ()
    return _maybe(kind, variable._replace(default=None), ())


def _items(default: str | None) -> list[str]:
    return [item for item in map(str.strip, (default or "").split(",")) if item]
