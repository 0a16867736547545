"""The whole grammar of python-dotenv 1.2.4, one statement at a time, for the lines that `dotenv` leaves.

Where a statement does not parse, python-dotenv drops the rest of the line on which it gave up, and goes on
behind it; so does this module, and says what was wrong. It stays linear because a quote that is open to the end
of the text means that no later value or name can begin with that quote: the search to the end happens once for
each kind of quote.
"""

from __future__ import annotations

import re

# Here, too, characters are repeated possessively and groups are not; `_plain_line` in `dotenv` has the reason.
_whitespace = re.compile(r"\s*+")
_head = re.compile(
    r"""
    (?:export[^\S\r\n]++|(?!export[^\S\r\n]))
    (?: '([^']++)' | (?!')([^=\#\s]++) | (?=\#) )  # a comment has no name
    [^\S\r\n]*+
    (=[^\S\r\n]*+|)
    """,
    re.VERBOSE,
)
_broken_name = re.compile(r"(?:export[^\S\r\n]++)?([A-Za-z_][A-Za-z0-9_]{0,99}+)[^\S\r\n]*+=")
_export = re.compile(r"(?:export[^\S\r\n]++)?")
_single_quoted = re.compile(r"'([^'\\]*+(?:\\.[^'\\]*+)*)'", re.DOTALL)
_double_quoted = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*)"', re.DOTALL)
_rest_of_line = re.compile(r"[^\r\n]*+")
_inline_comment = re.compile(r"\s#")
_end_of_line = re.compile(r"(?:[^\S\r\n]*+#[^\r\n]*+)?[^\S\r\n]*+(?:\r\n|\n|\r|\Z)")
_next_line = re.compile(r"[^\r\n]*+(?:\r\n|\n|\r|\Z)")
_escape = re.compile(r"\\[\\'\"abfnrtv]")
_escaped = {
    "\\\\": "\\",
    "\\'": "'",
    '\\"': '"',
    "\\a": "\a",
    "\\b": "\b",
    "\\f": "\f",
    "\\n": "\n",
    "\\r": "\r",
    "\\t": "\t",
    "\\v": "\v",
}
_single_quote_escape = re.compile(r"\\([\\'])")

_MANY_LINES = r"a value of several lines needs quotes around it, or its newlines written as \n"


def read_statement(text: str, position: int) -> tuple[int, int, str | None, str | None, tuple[str, str] | None]:
    """Reads the next statement at or behind `position`, which must be the start of a line.

    Returns:
        Where the statement starts (whitespace and blank lines before it skipped), where the next line starts,
        the name (None for a comment, the end of the text or a problem), the value (None for a bare name), and
        problem and hint if the statement does not parse. Positions count characters from 0.
    """
    start = _end_of(_whitespace, text, position)
    if start == len(text):
        return start, start, None, None, None
    head = _head.match(text, start)
    if head is None:
        at = _end_of(_export, text, start)
        return start, _end_of(_next_line, text, at), None, None, _what_is_wrong_with_the_name(text, at)

    value, at = None, head.end()
    sign = head[3]
    quote = text[at : at + 1] if sign else ""
    if quote in ("'", '"'):
        quoted = (_single_quoted if quote == "'" else _double_quoted).match(text, at)
        if quoted is None:
            kind = "single" if quote == "'" else "double"
            problem = (f"the {kind} quote before the value never closes", f"close it; {_escape_hint(quote)}")
            return start, _end_of(_next_line, text, at), None, None, problem
        value, at = _decode(quoted[1], quote), quoted.end()
    elif sign and quote == "#" and len(sign) > 1:
        value = ""  # `NAME= # comment`; without the space the hash belongs to the value
    elif sign:
        end = _end_of(_rest_of_line, text, at)
        value, at = _without_comment(text[at:end]), end

    end_of_line = _end_of_line.match(text, at)
    if end_of_line is None:
        problem = (
            ("there is text behind the closing quote", _escape_hint(quote))
            if sign
            else ("there is no = behind the name", f"write NAME=value; {_MANY_LINES}")
        )
        return start, _end_of(_next_line, text, at), None, None, problem
    return start, end_of_line.end(), head[1] or head[2], value, None


def name_of_broken(text: str, start: int) -> str:
    """What stands before the = of a statement that does not parse, if it can be a name; else an empty string."""
    found = _broken_name.match(text, start)
    return found[1] if found else ""


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Where the match of a pattern that matches everywhere ends."""
    match = pattern.match(text, position)
    return position if match is None else match.end()


def _what_is_wrong_with_the_name(text: str, at: int) -> tuple[str, str]:
    character = text[at : at + 1]
    if character == "=":
        return "there is no name before the =", "write NAME=value"
    if character != "'":
        return "there is no name behind export", "write export NAME=value"
    if text.startswith("''", at):
        return "the name between the quotes is empty", "write NAME=value"
    return "the quote before the name never closes", f"write NAME=value; {_MANY_LINES}"


def _escape_hint(quote: str) -> str:
    return f"write a quote inside the value as \\{quote}"


def _decode(value: str, quote: str) -> str:
    if "\\" not in value:
        return value
    if quote == "'":
        return _single_quote_escape.sub(r"\1", value)
    if "\\\\" not in value:
        # Every backslash then starts an escape of its own. A private key has nothing but \n, one per line.
        value = value.replace("\\n", "\n")
        if "\\" not in value:
            return value
    return _escape.sub(lambda match: _escaped[match[0]], value)


def _without_comment(value: str) -> str:
    # python-dotenv deletes `\s+#.*`, which takes quadratic time on a long run of spaces.
    comment = _inline_comment.search(value)
    return (value[: comment.start()] if comment else value).rstrip()
