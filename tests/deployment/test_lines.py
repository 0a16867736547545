"""The lines of keys: documents are put together from pieces whose lines are known, and the scanner must find them."""

from __future__ import annotations

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from envkit.deployment.lines import lines_of

BARE = st.text("abcXYZ019_-", min_size=1, max_size=4)
KEY = st.text(st.sampled_from("ab.#=[]{}'\"\\ é\n\t"), max_size=4) | BARE
BLANK = st.sampled_from(["", " ", "\t", "  "])
NEWLINE = st.sampled_from(["\n", "\r\n", "\n\n", " # a [comment] = \"''' {\n", "\n# x = 1\n"])


@st.composite
def spelled(draw, name):
    """One of the ways to write a key."""
    ways = [json.dumps(name).replace("\x7f", "\\u007f")]
    if name and all(char in "abcXYZ019_-" for char in name):
        ways.append(name)
    if not set(name) & set("'\n\t"):
        ways.append(f"'{name}'")
    return draw(st.sampled_from(ways))


class Writer:
    """A document in the making, and the lines that its keys must be found on."""

    def __init__(self, draw):
        self.draw = draw
        self.text = ""
        self.lines = {}

    def note(self, place):
        self.lines.setdefault(place, self.text.count("\n") + 1)

    def key(self, parts):
        dot = f"{self.draw(BLANK)}.{self.draw(BLANK)}"
        return dot.join(self.draw(spelled(part)) for part in parts)

    def pair(self, table, parts, depth):
        for index in range(1, len(parts) + 1):
            self.note((*table, *parts[:index]))
        self.text += f"{self.key(parts)}{self.draw(BLANK)}={self.draw(BLANK)}"
        self.value((*table, *parts), depth)

    def value(self, place, depth):
        kind = self.draw(st.sampled_from(["scalar", "scalar", "list", "table"] if depth else ["scalar"]))
        if kind == "scalar":
            self.text += self.draw(st.sampled_from(SCALARS))
        elif kind == "list":
            self.items(place, depth)
        else:
            self.inline(place, depth)

    def items(self, place, depth):
        gap = st.just("") | NEWLINE
        self.text += "[" + self.draw(gap)
        count = self.draw(st.integers(0, 3))
        for index in range(count):
            self.note((*place, index))
            self.value((*place, index), depth - 1)
            self.text += self.draw(gap)
            if index < count - 1 or self.draw(st.booleans()):
                self.text += "," + self.draw(gap)
        self.text += "]"

    def inline(self, place, depth):
        self.text += "{" + self.draw(BLANK)
        names = self.draw(st.lists(KEY, max_size=3, unique=True))
        for index, name in enumerate(names):
            self.pair(place, (name,), depth - 1)
            self.text += "," if index < len(names) - 1 else ""
            self.text += self.draw(BLANK)
        self.text += "}"

    def body(self, table):
        for name in self.draw(st.lists(KEY, max_size=3, unique=True)):
            more = tuple(self.draw(st.lists(KEY, max_size=2)))
            self.text += self.draw(BLANK)
            self.pair(table, (name, *more), 2)
            self.text += self.draw(BLANK) + self.draw(NEWLINE)


SCALARS = [
    "1",
    "-1.5e3",
    "true",
    "1979-05-27 07:32:00",
    "inf",
    '""',
    "''",
    '"a # \\" ] } , ="',
    "'\\ # ] } ,'",
    '"""\na\n# b = 1\n"" ] \\""" """',
    '"""a"""""',
    "'''\n[x]\n''' ",
    "'''a'''''",
    '"""\\\n   a"""',
    '"\\\\"',
]


@st.composite
def documents(draw):
    """A valid document and the lines of everything in it."""
    writer = Writer(draw)
    writer.text += draw(st.just("") | NEWLINE)
    writer.body(())
    taken = {place[0] for place in writer.lines}
    arrays = {}
    for name in draw(st.lists(KEY.filter(lambda name: name not in taken), max_size=4)):
        if name in taken and name not in arrays:
            continue
        is_array = arrays.get(name) is not None or (name not in taken and draw(st.booleans()))
        taken.add(name)
        writer.note((name,))
        place = (name,)
        if is_array:
            place = (name, arrays.setdefault(name, 0))
            arrays[name] += 1
        writer.note(place)
        left, right = ("[[", "]]") if is_array else ("[", "]")
        writer.text += f"{left}{draw(BLANK)}{writer.key((name,))}{draw(BLANK)}{right}{draw(BLANK)}{draw(NEWLINE)}"
        writer.body(place)
        inner = "a deeper table"
        if draw(st.booleans()) and (*place, inner) not in writer.lines:
            writer.note((*place, inner))
            writer.note((*place, inner, "x"))
            writer.text += f"[{writer.key((name, inner, 'x'))}]{draw(NEWLINE)}"
            writer.body((*place, inner, "x"))
    return writer.text.rstrip("\r\n") if draw(st.booleans()) else writer.text, writer.lines


def places(value, place=()):
    """The place of every table, key and item, as tomllib reads the document."""
    found = {place} if place else set()
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        found |= places(child, (*place, name))
    return found


@given(documents())
def test_known_lines(document):
    """Every key, table and item is found on the line where it was written, and nothing else is."""
    text, lines = document
    assert lines_of(text) == lines
    assert set(lines) == places(tomllib.loads(text))


def test_example():
    """The line of each key of an ordinary file."""
    text = 'name = "a" # b\n\n[http]\ndomains = [\n  "a.example",\n  "b.example",\n]\n'
    text += '[http.static."/s/"]\ndirectory = "/s"\n'
    assert lines_of(text) == {
        ("name",): 1,
        ("http",): 3,
        ("http", "domains"): 4,
        ("http", "domains", 0): 5,
        ("http", "domains", 1): 6,
        ("http", "static"): 8,
        ("http", "static", "/s/"): 8,
        ("http", "static", "/s/", "directory"): 9,
    }
