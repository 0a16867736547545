"""Jinja environments whose every `{{ expression }}` is quoted for the language of the file, and the generated header.

Only the text of templates (includes too) and a `Fragment` are written as they stand. A macro's result is text like any
other and would be quoted: share parts of templates by `include`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined

from envkit.generated import head
from envkit.rendering import quoting
from envkit.rendering.quoting import Fragment

if TYPE_CHECKING:
    from collections.abc import Callable

Language = Literal["nginx", "python", "yaml", "compose", "github", "systemd", "shell", "toml", "dockerfile"]

_QUOTES: dict[str, Callable[[Any], str]] = {
    "nginx": quoting.quote_nginx,
    "python": quoting.quote_python,
    "yaml": quoting.quote_yaml,
    "compose": quoting.quote_compose,
    "github": quoting.quote_github,
    "systemd": quoting.quote_systemd,
    "shell": quoting.quote_shell,
    "toml": quoting.quote_toml,
    "dockerfile": quoting.quote_dockerfile,
}
_FILTERS: dict[str, dict[str, Callable[..., Fragment]]] = {
    "nginx": {"duration": quoting.nginx_duration, "size": quoting.nginx_size},
    "systemd": {
        "line": quoting.systemd_line,
        "word": quoting.systemd_word,
        "command": quoting.systemd_command,
    },
}
_SHARED = Path(__file__).parent / "templates"


@cache
def environment(language: Language, templates: Path) -> Environment:
    """An environment for the templates of a folder, which quotes every expression for `language`.

    They may include the parts that targets share, which lie in this package's own folder.
    Made once, so that a template is compiled once however often it is rendered.

    A value which the language cannot hold raises `CannotQuote`; a name the caller did not give,
    `jinja2.UndefinedError`.
    """
    quote = quoter(language)

    def finalize(value: Any) -> str:
        if isinstance(value, Fragment | Undefined):
            return str(value)  # an undefined name raises here
        return quote(value)

    jinja = Environment(  # noqa: S701 - nothing here is HTML; finalize quotes for the file's own language
        loader=FileSystemLoader([templates, _SHARED]),
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    jinja.filters.update(_FILTERS.get(language, {}))
    return jinja


def quoter(language: Language) -> Callable[[Any], str]:
    """The function that quotes one value for this language."""
    return _QUOTES[language]


def header(command: str, source: str, *, prefix: str = "# ") -> Fragment:
    """The comment at the top of every rendered file: what made it, from what, and how to remake it.

    Args:
        command: by which the file is made again.
        source: the name of the file that it is made from.
        prefix: what begins a comment in the language of the file.
    """
    return Fragment(head(command, source, prefix))
