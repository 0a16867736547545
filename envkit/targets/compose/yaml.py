"""What the Compose template needs beside quoting: plain keys where YAML has no doubt, and scripts of several lines."""

from __future__ import annotations

import re

from envkit.rendering.quoting import Fragment, quote_compose

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_OTHER_MEANING = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""Words that YAML 1.1 reads as a boolean or as nothing."""
_PRINTABLE_LINES = re.compile("[\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")


def key(name: str) -> Fragment:
    """A key of a mapping: bare where it can be, else quoted. No reader interpolates keys, so that `$` stands alone."""
    if _PLAIN_KEY.fullmatch(name) and name.lower() not in _OTHER_MEANING:
        return Fragment(name)
    return Fragment(quote_compose(name).replace("$$", "$"))


def block(text: str, indent: int) -> Fragment:
    """A text of several lines as a literal block whose lines stand `indent` columns in; quoted where it cannot be one.

    A block takes printable characters and line feeds, and as its last line end the one that it ends with.
    """
    body = text.removesuffix("\n")
    if text == body or not body or body[0] in " \n" or body.endswith("\n") or not _PRINTABLE_LINES.fullmatch(body):
        return Fragment(quote_compose(text))
    lines = body.replace("$", "$$").split("\n")
    return Fragment("|\n" + "\n".join(f"{' ' * indent}{line}" if line else "" for line in lines))
