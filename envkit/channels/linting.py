"""What is wrong with the text of a `.env`-like file for a set of readers, as findings without any value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envkit.channels.collector import paused
from envkit.channels.comparison import compare
from envkit.channels.dotenv import DOTENV
from envkit.channels.lint_hints import KEY_BEGIN, Hints
from envkit.channels.lint_rules import RULES
from envkit.channels.names import IDENTIFIER
from envkit.channels.shapes import may_be_shown, shape
from envkit.channels.shell_names import NUMBERS, OWN, whose
from envkit.channels.statements import comment, normalised, right_side, statements
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envkit.channels.channel import Channel
    from envkit.channels.comparison import Difference, View
    from envkit.channels.statements import Statement

_KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{1,100}|[A-Za-z-]+: .*|-----END [A-Z0-9 ]*-----|", re.ASCII)


class Remark(NamedTuple):
    """One finding and its place; it holds no value."""

    path: str
    line: int
    """0 where the file as a whole is meant."""
    finding: Finding


@paused()
def lint_text(
    path: str, text: str, readers: Sequence[Channel], takes_key: Callable[[str], bool | None] = lambda _: None
) -> list[Remark]:
    """Everything that is wrong with `text` for `readers`, by line.

    Args:
        path: the file's name, for the findings.
        text: the file's text with its line ends as they are.
        readers: channels that read ``NAME=value`` lines.
        takes_key: whether the setting of a name is a PrivateKey, which has forms of its own; None where nobody knows.
    """
    found = [*_of_the_whole(text, readers)]
    text = normalised(text)
    parts = statements(text)
    hints = Hints(readers, takes_key)
    key_lines, keys = _unescaped_keys(text, parts, hints)
    found += keys
    found += _of_the_names(parts, key_lines)
    differences = compare(text, readers)
    found += _of_the_differences(text, parts, differences, hints, key_lines)
    told = key_lines | {line for line, _ in found} | {difference.line for difference in differences}
    found += _of_the_quiet_lines(text, [part for part in parts if part.line not in told], readers)
    return [
        Remark(path, line, finding._replace(origin=f"{path}:{line}"))
        for line, finding in sorted(found, key=lambda item: item[0])
    ]


Found = tuple[int, Finding]


def _of_the_whole(text: str, readers: Sequence[Channel]) -> Iterator[Found]:
    """Marks and line ends that some reader takes into names or values."""
    if text.startswith("\ufeff"):
        hint = "save the file as UTF-8 without a BOM, or let --fix do it"
        yield 1, Finding("", "", RULES["byte-order-mark"], hint, rule="byte-order-mark")
        text = text[1:]
    if "\r" in text and len(compare(text, readers)) > len(compare(normalised(text), readers)):
        hint = "save the file with LF, or let --fix do it"
        yield text.count("\n", 0, text.index("\r")) + 1, Finding("", "", RULES["line-ends"], hint, rule="line-ends")


def _unescaped_keys(text: str, parts: Sequence[Statement], hints: Hints) -> tuple[set[int], list[Found]]:
    """The lines of keys that are written without quotes over several lines, and a finding for each key."""
    lines = text.split("\n")
    inside: set[int] = set()
    found: list[Found] = []
    for part in parts:
        if part.value is None or part.line in inside or not KEY_BEGIN.search(part.value) or "-----END" in part.value:
            continue
        last = part.last
        while last < len(lines) and _KEY_LINE.fullmatch(lines[last]):
            last += 1
            if lines[last - 1].startswith("-----END"):
                break
        problem = "looks like a private key whose lines are not escaped: only its first line is the value"
        begin = right_side(text[part.start : part.end])
        hint = hints.key(part.name, "\n".join([begin, *lines[part.last : last]]))
        found.append((part.line, Finding("", _shown(part), problem, hint, rule="unescaped-key")))
        inside.update(range(part.line, last + 1))
    return inside, found


def _of_the_names(parts: Sequence[Statement], key_lines: set[int]) -> Iterator[Found]:
    first: dict[str, int] = {}
    for part in parts:
        name = part.name
        if name is None or part.line in key_lines:
            continue
        if part.value is not None and name in first:
            problem = f"is set again; the value of line {first[name]} is lost"
            yield part.line, Finding("", _shown(part), problem, "keep one", "warning", "duplicate-name")
        if part.value is not None:
            first[name] = part.line
        if IDENTIFIER.refuse(name):
            problem = "a name that a shell cannot hold"
            yield part.line, Finding("", "", problem, IDENTIFIER.hint, "warning", "invalid-name")
        elif name in OWN or name in NUMBERS:
            problem = f"{whose(name)} keeps this name for itself"
            yield part.line, Finding("", name, problem, "rename the setting", "warning", "reserved-name")


def _of_the_quiet_lines(text: str, parts: Sequence[Statement], readers: Sequence[Channel]) -> Iterator[Found]:
    """What lies on lines that nobody disputes: blanks that no one counts, and names without a value."""
    importing = [reader.name for reader in readers if reader.read("X\n", {"X": "x"}).values() == {"X": "x"}]
    for part in parts:
        if part.name is not None and part.value is None and importing:
            problem = f"a name without =: {', '.join(importing)} would take its value from the environment"
            yield part.line, Finding("", "", problem, "write NAME=value, or NAME= for none", "warning", "bare-name")
        elif part.value is not None and _has_trailing_blank(text[part.start : part.end]):
            problem = "blanks stand behind the value"
            yield part.line, Finding("", _shown(part), problem, _cause("trailing-blank"), "warning", "trailing-blank")


# --- where readers differ -------------------------------------------------------------------------------------------


def _of_the_differences(
    text: str,
    parts: Sequence[Statement],
    differences: Sequence[Difference],
    hints: Hints,
    key_lines: set[int],
) -> Iterator[Found]:
    if not differences:
        return
    by_line = {part.line: part for part in parts}
    resolved = {line: value for _, value, line in DOTENV.read(text, {}).bindings}
    told = {difference.line for difference in differences}
    within = {line for part in parts if not part.problem and part.line in told for line in _behind_the_first(part)}
    for difference in differences:
        if difference.line in key_lines or difference.line in within:
            continue
        part = by_line.get(difference.line)
        source = text[part.start : part.end] if part else ""
        rule = _rule(part, source, difference)
        name = _shown(part) if part else ""
        problem = f"{_seen_by(difference.views, part)} ({_cause(rule)})"
        hint = "mend that quote first" if rule == "swallowed-line" else ""
        if part and not hint:
            hint = hints.any(part, resolved.get(difference.line))
        yield difference.line, Finding("", name, problem, hint, rule=rule)


def _seen_by(views: Sequence[View], part: Statement | None) -> str:
    """Which readers see what, in words."""
    told: list[str] = []
    words_so_far: set[str] = set()
    for view in views:
        words = _words(view, part)
        if words in words_so_far:
            words += ", different ones"
        words_so_far.add(words)
        told.append(f"{', '.join(view.readers)}: {words}")
    return "; ".join(told)


def _words(view: View, part: Statement | None) -> str:
    if view.refuses:
        what = "does not follow the file" if view.rule == "not-followed" else "refuses the file"
        return f"{what}, {view.problem}" if view.problem else what
    if not view.seen:
        return f"nothing, {view.problem}" if view.problem else "nothing"
    if len(view.seen) > 1:
        return f"{len(view.seen)} variables"
    ((name, value),) = view.seen
    return shape(value) if part is None or part.name in {None, name} else f"another name, {shape(value)}"


def _behind_the_first(part: Statement) -> range:
    """The lines of a closed value behind its first, which is where the value as a whole is told of."""
    return range(part.line + 1, part.last + 1)


def _rule(part: Statement | None, source: str, difference: Difference) -> str:
    """The likeliest cause of a difference."""
    rules = {view.rule for view in difference.views}
    if part is None:
        return "swallowed-line" if any(not view.seen for view in difference.views) else "readers-differ"
    if rules & {"unclosed-quote", "syntax-error"} or (part.problem and "never closes" in part.problem[0]):
        return "unclosed-quote"
    if part.name is None:
        return "malformed"
    if part.value is None:
        return "bare-name"
    if any(not view.seen and not view.problem for view in difference.views):
        return "swallowed-line"
    right = right_side(source)
    head = source[: len(source.removesuffix("\n")) - len(right)]
    quoted = right[:1] in {"'", '"'}
    for rule, applies in (
        ("export", head.startswith("export") and head[6:7].isspace()),
        ("blank-around-equals", head != head.rstrip(" \t") or " =" in head or "\t=" in head),
        ("inline-comment", bool(comment(source))),
        ("expands", "$" in right or "`" in right),
        ("line-break", "\n" in right),
        ("escape", quoted and "\\" in right),
        ("quotes", quoted),
        ("trailing-blank", right != right.rstrip(" \t")),
        ("escape", "\\" in right),
        ("quote-inside", "'" in right or '"' in right),
        ("inline-comment", "#" in right),
        ("blank-inside", " " in right or "\t" in right),
        ("special-character", not re.fullmatch(r"[\w.,:/@%+=-]*", right)),
    ):
        if applies:
            return rule
    return "readers-differ"


def _cause(rule: str) -> str:
    return RULES[rule]


def _has_trailing_blank(source: str) -> bool:
    line = source.removesuffix("\n")
    return line != line.rstrip(" \t") and right_side(source)[:1] not in {"'", '"'} and not comment(source)


def _shown(part: Statement) -> str:
    return part.name if part.name is not None and part.value is not None and may_be_shown(part.name) else ""
