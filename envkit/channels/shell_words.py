"""Words of a POSIX shell: how to quote one, and how to take a script apart without running any of it.

Only what every shell reads alike is taken apart: simple commands of words, with quotes, `$NAME`, `${NAME}`,
`${NAME:-word}` and its kin, and command substitutions that are plain words. At the first thing beyond that (a pipe, a
redirection, a compound command, `$'…'`, a nested substitution …) the reading stops: what follows cannot be told.
Source: POSIX.1-2018, Shell Command Language, 2.2, 2.3, 2.6.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYWORDS_WORDS = (
    "! { } [[ ]] case coproc do done elif else end esac fi for foreach function if in nocorrect repeat select "
    "then time until while"
)
KEYWORDS = frozenset(_KEYWORDS_WORDS.split())


def quote(value: str) -> str:
    """The word that every POSIX shell reads as exactly this value (2.2.2: single quotes)."""
    return "'" + value.replace("'", "'\\''") + "'"


class Piece(NamedTuple):
    """A part of a word."""

    text: str
    """Characters as the shell keeps them; of an expansion, the name, or nothing where it is none."""
    kind: str
    """`plain`, `quoted`; `variable`, `parameter` (something special, or a file's argument) or `command`."""
    operator: str = ""
    """Of a variable: `:-`, `-`, `:+`, `+`, or nothing."""
    word: str = ""
    """Of a variable with an operator: what stands behind that, always plain characters."""


class Word(NamedTuple):
    """One word of a command."""

    pieces: tuple[Piece, ...]
    line: int

    def text(self) -> str | None:
        """The word's characters, or None if it has an expansion."""
        if any(piece.kind not in ("plain", "quoted") for piece in self.pieces):
            return None
        return "".join(piece.text for piece in self.pieces)


class BeyondError(Exception):
    """The text goes on in a way that is an error in every shell, or that this module does not follow."""

    def __init__(self, line: int, problem: str, rule: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.rule = rule
        """`syntax-error` if every shell stops here; otherwise `not-followed`."""


_PLAIN = re.compile(r"""[^ \t\n;&|<>()'"`$\\\0]+""")
_DOUBLE = re.compile(r'[^"$`\\\0]+')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+])([A-Za-z0-9_./:@%,^+=-]*))?\}")
_SUBSTITUTION = re.compile(r"\(([A-Za-z0-9_./:@%+, \t-]*)\)")
_BACKTICKS = re.compile(r"`([A-Za-z0-9_./:@%+, \t-]*)`")
_SPECIAL = "0123456789@*#?$!-"


def commands(text: str) -> Iterator[list[Word]]:
    """The simple commands of a script, one list of words each.

    Raises:
        BeyondError: while iterating, behind the last command that could be followed.
    """
    return _Lexer(text).commands()


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._counted = (0, 1)

    def commands(self) -> Iterator[list[Word]]:
        text, end = self.text, len(self.text)
        words: list[Word] = []
        while self.position < end:
            char = text[self.position]
            if char in " \t":
                self.position += 1
            elif char == "\n":
                if words:
                    yield words
                    words = []
                self.position += 1
            elif char == "#":
                line_end = text.find("\n", self.position)
                self.position = end if line_end < 0 else line_end
            elif char == ";":
                if not words or text.startswith(";;", self.position):
                    raise self._beyond("a ; where no command ends", "syntax-error")
                yield words
                words = []
                self.position += 1
            elif text.startswith("\\\n", self.position):
                self.position += 2
            else:
                words.append(self._word())
        if words:
            yield words

    def _word(self) -> Word:
        text, end = self.text, len(self.text)
        line = self.line()
        pieces: list[Piece] = []
        while self.position < end:
            plain = _PLAIN.match(text, self.position)
            if plain is not None:
                pieces.append(Piece(plain.group(), "plain"))
                self.position = plain.end()
                continue
            char = text[self.position]
            if char in " \t\n;":
                break
            if char == "'":
                closing = text.find("'", self.position + 1)
                if closing < 0:
                    raise self._beyond("a quote that never closes", "syntax-error")
                quoted = text[self.position + 1 : closing]
                if "\0" in quoted:
                    raise self._beyond("a NUL character", "not-followed")
                pieces.append(Piece(quoted, "quoted"))
                self.position = closing + 1
            elif char == '"':
                self._double_quoted(pieces)
            elif char == "\\":
                if self.position + 1 == end:
                    raise self._beyond("a backslash at the very end", "not-followed")
                if text[self.position + 1] != "\n":
                    pieces.append(Piece(text[self.position + 1], "quoted"))
                self.position += 2
            elif char in "$`":
                pieces.append(self._expansion(quoted=False))
            else:
                what = "a NUL character" if char == "\0" else "shell syntax other than NAME=value, such as ( or |"
                raise self._beyond(what, "not-followed")
        return Word(tuple(pieces), line)

    def _double_quoted(self, pieces: list[Piece]) -> None:
        text, opening = self.text, self.position
        self.position += 1
        pieces.append(Piece("", "quoted"))
        while True:
            run = _DOUBLE.match(text, self.position)
            if run is not None:
                pieces.append(Piece(run.group(), "quoted"))
                self.position = run.end()
            following = text[self.position : self.position + 2]
            if following[:1] == '"':
                self.position += 1
                return
            if len(following) < 2:
                self.position = opening
                raise self._beyond("a quote that never closes", "syntax-error")
            if following[0] == "\\":
                if following[1] in '"\\$`':
                    pieces.append(Piece(following[1], "quoted"))
                elif following[1] != "\n":
                    pieces.append(Piece(following, "quoted"))
                self.position += 2
            elif following[0] == "\0":
                raise self._beyond("a NUL character", "not-followed")
            else:
                pieces.append(self._expansion(quoted=True))

    def _expansion(self, *, quoted: bool) -> Piece:
        text, start = self.text, self.position
        if text[start] == "`":
            return self._substitution(_BACKTICKS.match(text, start))
        # A line end after a backslash is no character: what stands behind it would count.
        following = text[start + 1 : start + 2]
        if following == "(":
            return self._substitution(_SUBSTITUTION.match(text, start + 1))
        if following == "{":
            braced = _BRACED.match(text, start + 1)
            if braced is None:
                raise self._beyond("an expansion ${…} other than of a plain name", "not-followed")
            self.position = braced.end()
            return Piece(braced[1], "variable", braced[2] or "", braced[3] or "")
        name = _NAME.match(text, start + 1)
        if name is not None:
            if text.startswith("\\\n", name.end()) or text.startswith("[", name.end()):
                raise self._beyond("a name that goes on in some shells", "not-followed")
            self.position = name.end()
            return Piece(name.group(), "variable")
        if following and following in _SPECIAL:
            self.position += 2
            return Piece("", "parameter")
        if following == "[" or (not quoted and following in ("'", '"')) or text.startswith("\\\n", start + 1):
            raise self._beyond("a $ that shells take differently here", "not-followed")
        self.position += 1
        return Piece("$", "quoted")

    def _substitution(self, found: re.Match[str] | None) -> Piece:
        if found is None or not KEYWORDS.isdisjoint(found[1].split()):
            raise self._beyond("a command to run, $(…) or `…`", "runs-command")
        self.position = found.end()
        return Piece("", "command")

    def line(self) -> int:
        """The line of the position, which only moves forward (but for an error, after which nothing is read)."""
        counted, line = self._counted
        line += self.text.count("\n", counted, self.position)
        self._counted = (self.position, line)
        return line

    def _beyond(self, problem: str, rule: str) -> BeyondError:
        counted = self._counted[0]
        if self.position < counted:
            return BeyondError(1 + self.text.count("\n", 0, self.position), problem, rule)
        return BeyondError(self.line(), problem, rule)
