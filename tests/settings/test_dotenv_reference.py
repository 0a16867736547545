"""The `.env` reader beside python-dotenv: the same values on every text, and the lines that its positions imply."""

from __future__ import annotations

import io
import itertools
import logging
import os
import re
from unittest import mock

import pytest
from dotenv.main import DotEnv
from dotenv.parser import parse_stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envkit.settings.dotenv import parse

ENVIRONMENT = {"HOME": "/home/app", "A": "from the environment", "EMPTY": "", "_": "${A}", "é": "accent"}

WHITESPACE = [" ", "  ", "\t", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u2028", "\u3000"]
LINE_ENDS = ["\n", "\n", "\n", "\r\n", "\r", "\n\n", ""]
NAMES = [
    "A",
    "B",
    "HOME",
    "EMPTY",
    "a.b-c",
    "1",
    "é",
    "export",
    "export A",
    "export\tB",
    "export  'A'",
    "'A'",
    "'A",
    "''",
]
NAMES += ["A B", 'A"', "A'", "$A", "${A}", "_", "", "\ufeffA", "'a\nb'", "export"]
PIECES = [
    "x",
    "x y",
    "é",
    "'",
    '"',
    "\\",
    "\\\\",
    "\\n",
    "\\'",
    '\\"',
    "\\t",
    "\\a",
    "\\x41",
    "\\u0041",
    "\\\n",
    "#",
    " #",
]
PIECES += [
    "=",
    ":",
    "-",
    "$",
    "{",
    "}",
    "${",
    "${A}",
    "${B}",
    "${HOME}",
    "${NO}",
    "${NO:-d e}",
    "${A:-}",
    "${A:x}",
    "${}",
]
PIECES += ["${A:-${B}}", "\x00", "\ufeff", *WHITESPACE, *LINE_ENDS]

texts = st.text(st.characters(codec="utf-8"), max_size=40)
rough_texts = st.text(st.sampled_from("aA='\"\\#${}:- \t\n\r\x0b\x0c\x1c\x85\xa0\u2028\ufeffexport"), max_size=60)
spaces = st.sampled_from(["", "", "", *WHITESPACE])
values = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=6).map(lambda pieces: f'"{"".join(pieces)}"'),
    st.lists(st.sampled_from(PIECES), max_size=6).map(lambda pieces: f"'{''.join(pieces)}'"),
)
bindings = st.builds(
    "".join,
    st.tuples(
        spaces, st.sampled_from(NAMES), spaces, st.sampled_from(["=", "=", "=", "=", ""]), spaces, values, spaces
    ),
)
comments = st.tuples(spaces, st.just("#"), values).map("".join)
statements = st.tuples(st.one_of(bindings, bindings, bindings, comments, spaces), st.sampled_from(LINE_ENDS))
dotenv_texts = st.lists(statements.map("".join), max_size=8).map("".join)


MODES = [(True, True), (True, False), (False, True)]
LINE_END = re.compile(r"\r\n|\n|\r")

many_examples = settings(max_examples=max(2_000, settings().max_examples))


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    """python-dotenv's warnings about dropped statements would fill the test's log."""
    logger = logging.getLogger("dotenv.main")
    logger.disabled = True
    yield
    logger.disabled = False


@many_examples
@given(texts)
def test_arbitrary_text_gives_what_python_dotenv_gives(text):
    """On any text, values and their order, lines and dropped statements are python-dotenv's, in every mode."""
    assert_same_values(text)
    assert_same_statements(text)


@many_examples
@given(rough_texts)
def test_text_of_hostile_characters_gives_what_python_dotenv_gives(text):
    """The same holds for text made of the characters that mean something in a `.env` file."""
    assert_same_values(text)
    assert_same_statements(text)


@many_examples
@given(dotenv_texts)
@example("\ufeff\ufeffA=1\n")
@example("A=1\r\nB=x y\r\nfoo bar\r\nC=2\r\n")
@example('A="\n\n"\nB\n')
@example('A="x\\"\nB="y"\n')
@example("A=2\nB=${A}\nA=3\nA\nC=${A:-4}\n")
@example("export =1\nexport \nexport #\nexport\n")
@example("export$")
@example("A=#b\nB= #b\nC=b#c #d\nD='e'#f\n")
@example("A=\u3000#b\nB=b\x85 #c\n")
@example("A='\\'")
@example("\nA='${B")
@example("A=${EMPTY:-d}\nEMPTY=e\nB=${EMPTY:-d}\n")
@example("B\nA=${B:-d}\n")
@example("A=${B:${C}\nB=${C:-\nD=${E}\n")
def test_shaped_text_gives_what_python_dotenv_gives(text):
    """The same holds for text that looks like a `.env` file with everything that can go wrong in one."""
    assert_same_values(text)
    assert_same_statements(text)


def test_every_short_text_is_split_as_python_dotenv_splits_it():
    """Every text of up to five of the grammar's own characters gives the same bindings, lines and problems."""
    for text in every_text("a='\"\\# \n\r", 5):
        assert_same_statements(text)


def test_every_short_text_behind_export_is_split_as_python_dotenv_splits_it():
    """The word export in front of every text of up to four such characters changes nothing about that."""
    for text in every_text("a='#\t\n\r\x0b", 4):
        assert_same_statements(f"export{text}")


def test_every_short_reference_is_replaced_as_python_dotenv_replaces_it():
    """Every value of up to six of the characters of a reference is interpolated in the same way."""
    with mock.patch.dict(os.environ, ENVIRONMENT, clear=True):
        for value in every_text("${}:-A", 6):
            text = f"A=1\nB={value}"
            assert parse(text).values == DotEnv(None, stream=io.StringIO(text)).dict()


@pytest.mark.parametrize("quote", ["'", '"'])
def test_every_short_run_of_escapes_is_decoded_as_python_dotenv_decodes_it(quote):
    """Between either quotes, every text of up to four characters that escapes are made of gives the same value."""
    for value in every_text("\\\n'\"abfnrtvx", 4):
        assert_same_statements(f"A={quote}{value}{quote}")


@pytest.mark.parametrize("override", [True, False])
def test_without_an_environment_given_the_process_environment_is_used(override, monkeypatch):
    """`environ=None` means `os.environ`, in either order of precedence, and a name it cannot hold is unknown."""
    monkeypatch.setenv("HOST_NAME", "outside")
    text = "A=${HOST_NAME}\nHOST_NAME=inside\nB=${HOST_NAME}\nC=${\ud800:-d}\n"
    stream = io.StringIO(text)
    assert parse(text, override=override).values == DotEnv(None, stream=stream, override=override).dict()


def assert_same_values(text: str) -> None:
    """Values and their order are the reference's in every mode; so are the last of the bindings."""
    for interpolate, override in MODES:
        parsed = parse(text, interpolate=interpolate, environ=ENVIRONMENT, override=override)
        assert list(parsed.values.items()) == reference(text, interpolate=interpolate, override=override)
        assert {binding.name: binding.value for binding in parsed.bindings} == parsed.values
        assert list(parsed.lines) == list(parsed.values)


def assert_same_statements(text: str) -> None:
    """Bindings and problems are the reference's, on the lines that its own positions in the text imply."""
    expected, dropped = [], []
    position = len(text) - len(text.removeprefix("\ufeff"))
    for binding in parse_stream(io.StringIO(text)):
        original = binding.original.string
        start = position + len(original) - len(original.lstrip())
        line = len(LINE_END.findall(text[:start])) + 1
        if binding.error:
            dropped.append(line)
        elif binding.key is not None:
            expected.append((binding.key, binding.value, line))
        position += len(original)
    parsed = parse(text, interpolate=False)
    assert parsed.bindings == expected
    assert [problem.line for problem in parsed.problems] == dropped
    assert parsed.lines == {name: line for name, _, line in expected}


def reference(text: str, *, interpolate: bool, override: bool = True) -> list[tuple[str, str | None]]:
    """What python-dotenv makes of the text in `ENVIRONMENT`."""
    with mock.patch.dict(os.environ, ENVIRONMENT, clear=True):
        stream = io.StringIO(text)
        return list(DotEnv(None, stream=stream, interpolate=interpolate, override=override).dict().items())


def every_text(alphabet: str, length: int):
    """Every text of up to `length` characters of the alphabet."""
    for size in range(length + 1):
        yield from map("".join, itertools.product(alphabet, repeat=size))
