"""A file that a POSIX shell sources: `set -a; . ./FILE`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import IDENTIFIER
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried
from envkit.channels.shell_names import BUILTINS, NUMBERS, OWN, whose
from envkit.channels.shell_words import KEYWORDS, BeyondError, Piece, Word, commands, quote
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = (
    "Read it by: set -a; . ./FILE; set +a. Without set -a the values stay in the shell (POSIX, set).",
    "'…' keeps every character; a ' is written '\\'' (POSIX, Shell Command Language 2.2.2).",
    'In "…" a backslash escapes $ ` " \\ and joins lines; elsewhere it stays (2.2.3). "\\n" is no newline.',
    "Unquoted, a backslash keeps the next character and is dropped (2.2.1); a blank ends the value.",
    "NAME=my value runs the program value with NAME set, and leaves NAME unset (2.9.1). NAME = value runs NAME.",
    ("$NAME and ${NAME} expand, $(…) and `…` run commands, unquoted and in double quotes (2.6). ~ expands unquoted."),
    "A # begins a comment only where a word could begin. CR is an ordinary character.",
    "A quote that does not close on its line goes on to the next quote, lines later.",
    (
        "bash stops at a read-only name (UID, EUID, PPID, BASHOPTS, SHELLOPTS …), zsh at status and others; some "
        "names are the shell's own and are lost (RANDOM, SECONDS, _, zsh's path); some hold whole numbers only "
        "(OPTIND, and COLUMNS, LINES, HISTSIZE, TMOUT in mksh and zsh)."
    ),
    (
        "envkit never runs such a file. It follows assignments, export, quotes, $NAME and ${NAME:-word}; a value "
        "that depends on a command, on ~ or on something special such as $$ is reported and left out; at other "
        "syntax, at a builtin and at a name of the shell's own, it stops and reports the file as not readable."
    ),
    "A command that is no builtin is taken to change no variable.",
)

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_OTHER_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\+=|\[)")
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_EXPANDED_IN_ARGUMENTS = re.compile(r"[*?\[{~]")


class Shell:
    """A file to be sourced by any POSIX shell."""

    name = "shell"
    summary = "a file for any POSIX shell: set -a; . ./FILE"
    reader = "bash 5.2, dash 0.5.12, busybox ash 1.35, mksh 59c (and zsh 5.9 for what is written)"
    rules = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses only names that one of the shells keeps for itself."""
        refusal = IDENTIFIER.refuse(name) or refuse_not_text(value)
        if refusal is not None:
            return refusal
        if name in OWN:
            return Refusal(f"{name} is {whose(name)}'s own variable", "rename the setting")
        if name in NUMBERS and not _WHOLE_NUMBER.fullmatch(value):
            return Refusal(f"{name} can only be a whole number in {whose(name)}", "rename the setting")
        return refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One ``NAME='value'`` for each setting.

        Raises:
            ValueError: a value is refused; the message holds no value.
        """
        require_carried(self, settings)
        return "".join(f"{name}={quote(value)}\n" for name, value in settings.items())

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """What a program gets after ``set -a; . ./FILE``, as far as that can be told without running anything."""
        return _Evaluation(environ or {}).read(text)


class _Evaluation:
    """The variables of a shell that sources the file, as far as they are known."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        # None: the shell has a value here that only the shell knows.
        self.known: dict[str, str | None] = dict(environ)
        self.bindings: list[Binding] = []
        self.findings: list[Finding] = []

    def read(self, text: str) -> Reading:
        stopped: BeyondError | None = None
        try:
            for words in commands(text):
                self._command(words)
        except BeyondError as error:
            stopped = error
        if stopped is None:
            return Reading(self.bindings, self.findings)
        hint = "" if stopped.rule == "syntax-error" else "what a shell sees from here on is not followed"
        self._report(stopped.line, "", stopped.problem, stopped.rule, hint)
        return Reading(self.bindings, self.findings, fatal=True)

    def _command(self, words: list[Word]) -> None:
        for count, word in enumerate(words):
            if not _is_assignment(word):
                self._other_command(words[:count], words[count:])
                return
        for word in words:
            self._assign(word)

    def _other_command(self, before: list[Word], words: list[Word]) -> None:
        first = words[0]
        name = first.text()
        if _OTHER_ASSIGNMENT.match(_leading(first)):
            raise BeyondError(first.line, "an assignment that only some shells know", "not-followed")
        if name is None:
            raise BeyondError(first.line, "a command whose name is expanded", "not-followed")
        if name == "export" and not before:
            for word in words[1:]:
                self._export(word)
            return
        if name in BUILTINS or name in KEYWORDS:
            raise BeyondError(first.line, "a command of the shell itself", "not-followed")
        # Expansions of the arguments change nothing: those that would are not followed.
        lost = ", ".join(match[1] for word in before if (match := _ASSIGNMENT.match(_leading(word))))
        self._report(
            (before or words)[0].line,
            lost,
            "runs a command with this set for it alone" if lost else "runs a command",
            "runs-command",
            "put the value in single quotes" if lost else "write NAME=value, with no blank around the =",
        )

    def _export(self, word: Word) -> None:
        if _is_assignment(word):
            plain = "".join(piece.text for piece in word.pieces if piece.kind == "plain")
            if any(piece.kind not in ("plain", "quoted") for piece in word.pieces) or _EXPANDED_IN_ARGUMENTS.search(
                plain
            ):
                # dash splits and expands the arguments of export; bash and mksh take them for assignments.
                raise BeyondError(word.line, "an export whose value shells expand differently", "not-followed")
            self._assign(word)
            return
        name = word.text()
        if name is None or not IDENTIFIER.pattern.fullmatch(name) or name in OWN or name in NUMBERS:
            raise BeyondError(word.line, "an export of something else than a plain name", "not-followed")

    def _assign(self, word: Word) -> None:
        found = _ASSIGNMENT.match(_leading(word))
        if found is None:
            return
        name = found[1]
        value = self._value(word, name, found.end())
        if name in OWN or (name in NUMBERS and not _WHOLE_NUMBER.fullmatch(value or "")):
            self._report(word.line, name, f"{whose(name)}'s own variable", "reserved-name", "rename the setting")
            raise BeyondError(word.line, "an assignment that some shells do not make", "not-followed")
        self.known[name] = value
        if value is None:
            # An earlier value of this name is not what the shell ends up with.
            self.bindings = [binding for binding in self.bindings if binding.name != name]
        else:
            self.bindings.append(Binding(name, value, word.line))

    def _value(self, word: Word, name: str, skipped: int) -> str | None:
        """The value, or None where only the shell can tell; says so."""
        parts: list[str] = []
        unknown = ""
        tilde_possible = True
        for piece in _without(word.pieces, skipped):
            if piece.kind in ("plain", "quoted"):
                if piece.kind == "plain" and _expands_tilde(piece.text, at_start=tilde_possible):
                    unknown = unknown or "~ stands for a home folder"
                parts.append(piece.text)
                if piece.kind == "plain" or piece.text:
                    tilde_possible = piece.kind == "plain" and piece.text.endswith(":")
                else:
                    tilde_possible = False
                continue
            tilde_possible = False
            if piece.kind == "command":
                self._report(word.line, name, "runs a command", "runs-command", "put the value in single quotes")
                return None
            expanded = None if piece.kind == "parameter" else self._expanded(piece)
            if expanded is None:
                unknown = unknown or "expands something that only the shell knows"
            else:
                parts.append(expanded)
                self._report(
                    word.line,
                    name,
                    "expands a $NAME",
                    "expands",
                    "put the value in single quotes to keep the $",
                    warning=True,
                )
        if unknown:
            self._report(word.line, name, unknown, "expands", "put the value in single quotes")
            return None
        return "".join(parts)

    def _expanded(self, piece: Piece) -> str | None:
        """What ``$NAME`` or ``${NAME:-word}`` becomes (POSIX 2.6.2), or None where only the shell knows."""
        if piece.text in OWN or piece.text in NUMBERS or piece.text in _SET_BY_SHELLS:
            return None
        is_set = piece.text in self.known
        value = self.known.get(piece.text, "")
        if value is None:
            return None
        used = bool(value) if piece.operator.startswith(":") else is_set
        if piece.operator.endswith("-"):
            return value if used else piece.word
        if piece.operator.endswith("+"):
            return piece.word if used else ""
        return value

    def _report(self, line: int, name: str, problem: str, rule: str, hint: str = "", *, warning: bool = False) -> None:
        self.findings.append(Finding(f"line {line}", name, problem, hint, "warning" if warning else "error", rule))


_SET_BY_SHELLS_WORDS = (
    "BASH BASH_VERSION COLUMNS CPUTYPE ENV FCEDIT FPATH HISTFILE HISTSIZE HOST HOSTNAME HOSTTYPE IFS KSH_VERSION "
    "LINES LOGNAME MACHTYPE MAIL MAILCHECK NULLCMD OLDPWD OPTARG OPTERR OSTYPE PATH PATHSEP PROMPT PS1 PS2 PS3 "
    "PS4 PWD READNULLCMD SHELL SHLVL TERM TMPDIR TMPPREFIX TTY USER VENDOR WORDCHARS ZSH_NAME ZSH_VERSION"
)
_SET_BY_SHELLS = frozenset(_SET_BY_SHELLS_WORDS.split())
"""Names that one of the shells sets by itself, so that `environ` does not tell their value."""


def _leading(word: Word) -> str:
    """The plain characters with which the word begins: only these can make it an assignment."""
    parts = []
    for piece in word.pieces:
        if piece.kind != "plain":
            break
        parts.append(piece.text)
    return "".join(parts)


def _is_assignment(word: Word) -> bool:
    return _ASSIGNMENT.match(_leading(word)) is not None


def _without(pieces: tuple[Piece, ...], skipped: int) -> list[Piece]:
    """The pieces less so many characters at their beginning, all of which are plain."""
    rest = []
    for piece in pieces:
        if skipped >= len(piece.text) and skipped:
            skipped -= len(piece.text)
        elif skipped:
            rest.append(piece._replace(text=piece.text[skipped:]))
            skipped = 0
        else:
            rest.append(piece)
    return rest


def _expands_tilde(text: str, *, at_start: bool) -> bool:
    return ":~" in text or (at_start and text.startswith("~"))


CHANNEL = Shell()
