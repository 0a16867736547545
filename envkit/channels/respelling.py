"""The spelling of a value that several readers take alike, and a text rewritten with such spellings."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from envkit.channels import portable
from envkit.channels.collector import paused
from envkit.channels.comparison import compare
from envkit.channels.dotenv import DOTENV
from envkit.channels.names import IDENTIFIER
from envkit.channels.shell_names import NUMBERS, OWN
from envkit.channels.statements import comment, normalised, right_side, statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envkit.channels.channel import Channel, Reading
    from envkit.channels.statements import Statement

_NEIGHBOURS = "ENVKIT_A='a'\nENVKIT_B=\"b\"\nENVKIT_C=`c`\nENVKIT_D=d\n"
"""What follows a spelling when it is tried: a quote that does not close shows itself here."""
_WORD = re.compile(r"(?<![\\${A-Za-z0-9])[A-Za-z0-9]+")
_REFERENCE = re.compile(r"(?<=\$)[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_REMEMBERED = 1000


class Spelling(NamedTuple):
    """How a value is best written for some readers; its `repr` may hold the value."""

    text: str
    """What stands behind ``NAME=``; empty also where `odd` is not."""
    form: str
    """The spelling in words."""
    odd: tuple[str, ...] = ()
    """The readers that take even the best spelling for something else; empty where all agree."""


class Rewritten(NamedTuple):
    """A text in which as many lines as possible are read alike."""

    text: str
    lines: tuple[int, ...]
    """The lines of the text as it was that were rewritten."""


class Speller:
    """Finds spellings for one set of readers, and remembers by a value's pattern what worked."""

    def __init__(self, readers: Sequence[Channel]) -> None:
        """Takes the readers that are to agree."""
        self.readers = tuple(readers)
        self._neighbours = [_pairs(reader, _NEIGHBOURS) for reader in readers]
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}

    def spelling(self, name: str, value: str) -> Spelling:
        """The first spelling that all readers take for `value`, or the one that most of them do."""
        # What readers do with a value does not depend on its plain words, unless an escape or a name begins there.
        special = len(value) > _LONGEST_REMEMBERED or name in OWN or name in NUMBERS
        pattern = "" if special else _WORD.sub("a", _REFERENCE.sub(_as_any_other, value) if "$" in value else value)
        if pattern in self._known:
            rank, odd = self._known[pattern]
            known = next(islice(self._candidates(name, value), rank, None), None)
            if known is not None:
                return known._replace(odd=odd)
        best = (0, Spelling("", "no quotes", tuple(reader.name for reader in self.readers)))
        for rank, candidate in enumerate(self._candidates(name, value)):
            odd = tuple(reader.name for reader in self._misreading(name, value, candidate.text))
            if not rank or len(odd) < len(best[1].odd):
                best = (rank, candidate._replace(odd=odd))
            if not odd:
                break
        if pattern:
            self._known[pattern] = (best[0], best[1].odd)
        return best[1]

    def _misreading(self, name: str, value: str, text: str) -> Iterator[Channel]:
        tried = f"{name}={text}\n{_NEIGHBOURS}"
        for reader, neighbours in zip(self.readers, self._neighbours, strict=True):
            # What a channel refuses may still be read from a file that happens to hold nothing else.
            if _pairs(reader, tried) != [(name, value), *neighbours] or reader.refuse(name, value) is not None:
                yield reader

    def _candidates(self, name: str, value: str) -> Iterator[Spelling]:
        """Spellings from the most readable on; each once."""
        told: set[str] = set()
        for text, form in self._forms(name, value):
            if text is not None and text not in told:
                told.add(text)
                yield Spelling(text, form)

    def _forms(self, name: str, value: str) -> Iterator[tuple[str | None, str]]:
        yield portable.bare(value), "no quotes"
        quoted = portable.quoted(value)
        yield quoted, "single quotes" if quoted and quoted[0] == "'" else "double quotes"
        for quote, form in (("'", "single quotes"), ('"', "double quotes")):
            if quote not in value:
                yield f"{quote}{value}{quote}", form
        for escaped, form in (('\\"', '\\ and "'), ('\\"$', '\\, " and $'), ('\\"$`', '\\, ", $ and `')):
            text = value.translate({ord(character): f"\\{character}" for character in escaped})
            yield f'"{text}"', f"double quotes, with a backslash before {form}"
        if "\n" not in value and "\r" not in value:
            yield value, "no quotes"
        for reader in self.readers:
            if reader.refuse(name, value) is None:
                text = reader.write({name: value}).removeprefix(f"{name}=").removesuffix("\n")
                yield text, f"the spelling of `envkit encode --for {reader.name}`"


def _as_any_other(reference: re.Match[str]) -> str:
    """A variable's name, as a name that stands for all of those that no shell sets by itself."""
    return reference[0] if reference[0] in OWN or reference[0] in NUMBERS else "a"


@paused()
def rewrite(text: str, readers: Sequence[Channel]) -> Rewritten:
    """Writes each assignment on which `readers` differ so that all of them see what python-dotenv sees in it now.

    What no spelling makes alike stays as it is, and so do comments, order and blank lines; a comment behind a value
    that is rewritten goes to a line of its own above it. python-dotenv sees the same values in the result; no
    reader that takes the text refuses the result, and what all readers see they still see.
    """
    step = _rewritten_once(text, readers)
    if step.text == text:
        return Rewritten(text, ())
    before = [reader.read(text, {}) for reader in readers]
    result, changed = text, set[int]()
    while True:
        # GitHub's runner fails at a comment; others fail where a lone CR becomes a line's end.
        if step.text == result or not _keeps(before, step.text, readers):
            break
        result = step.text
        changed |= step.changed
        if not step.again:
            break
        step = _rewritten_once(result, readers)
    parts = statements(normalised(text))
    return Rewritten(result, tuple(parts[index].line for index in sorted(changed)))


def _keeps(before: Sequence[Reading], text: str, readers: Sequence[Channel]) -> bool:
    """Whether all readers still take the text that took it before, and see in it what all of them saw before."""
    after = [reader.read(text, {}) for reader in readers]
    if any(new.fatal and not old.fatal for old, new in zip(before, after, strict=True)):
        return False
    agreed = set.intersection(*(set(old.values().items()) for old in before))
    return all(agreed <= set(new.values().items()) for new in after)


class _Step(NamedTuple):
    """One pass over a text; its `repr` may hold values."""

    text: str
    changed: frozenset[int] = frozenset()
    """Indexes of the statements that were rewritten."""
    again: bool = False
    """Whether another pass may find more: a quote that was mended can show lines that nobody read before."""


def _rewritten_once(text: str, readers: Sequence[Channel]) -> _Step:
    disputed_at_first = len(compare(text, readers))
    if not disputed_at_first:
        return _Step(text)
    before = normalised(text)
    parts = statements(before)
    disputed = _disputed(before, readers)
    replacements = _replacements(before, parts, readers, disputed)
    result = _replaced(before, parts, replacements)
    left = _disputed(result, readers)
    # Another line may still come between: a quote above that never closes. Such a line stays as it was.
    unhelped = _indexes(result, left) & replacements.keys()
    if unhelped:
        replacements = {index: new for index, new in replacements.items() if index not in unhelped}
        result = _replaced(before, parts, replacements)
        left = _disputed(result, readers)
    if len(left) >= disputed_at_first or _pairs(DOTENV, result) != _pairs(DOTENV, text):
        return _Step(text)
    again = bool(unhelped or _indexes(result, left) - _indexes(before, disputed))
    return _Step(result, frozenset(replacements), again)


def _indexes(text: str, lines: set[int]) -> set[int]:
    """The statements that stand on some of the lines."""
    if not lines:
        return set()
    return {index for index, part in enumerate(statements(text)) if not lines.isdisjoint(_lines(part))}


def refers(part: Statement, resolved: str | None) -> bool:
    """Whether the statement's value depends on other variables."""
    return part.value is not None and part.value != resolved


def _replacements(text: str, parts: list[Statement], readers: Sequence[Channel], disputed: set[int]) -> dict[int, str]:
    """Index of a statement to what is to stand in its place."""
    if not disputed:
        return {}
    speller = Speller(readers)
    resolved = {line: value for _, value, line in DOTENV.read(text, {}).bindings}
    found: dict[int, str] = {}
    for index, part in enumerate(parts):
        if part.name is None or part.value is None or disputed.isdisjoint(_lines(part)):
            continue
        if IDENTIFIER.refuse(part.name) or "${" in part.value or refers(part, resolved.get(part.line)):
            continue
        spelling = speller.spelling(part.name, part.value)
        if spelling.odd:
            continue
        source = text[part.start : part.end]
        remark = comment(source)
        # systemd before 254 takes the line behind a comment that ends in a backslash for a part of it.
        remark += " " if remark.endswith("\\") else ""
        above = f"{remark}\n" if remark else ""
        if right_side(source) != spelling.text or above or not source.startswith(f"{part.name}="):
            found[index] = f"{above}{part.name}={spelling.text}\n"
    return found


def _replaced(text: str, parts: list[Statement], replacements: dict[int, str]) -> str:
    pieces: list[str] = []
    position = 0
    for index in sorted(replacements):
        begin = text.rfind("\n", 0, parts[index].start) + 1
        pieces += [text[position:begin], replacements[index]]
        position = parts[index].end
    return "".join([*pieces, text[position:]])


def _disputed(text: str, readers: Sequence[Channel]) -> set[int]:
    return {difference.line for difference in compare(text, readers)}


def _lines(part: Statement) -> range:
    return range(part.line, part.last + 1)


def _pairs(reader: Channel, text: str) -> list[tuple[str, str | None]]:
    reading = reader.read(text, {})
    return [] if reading.fatal else [(name, value) for name, value, _ in reading.bindings]
