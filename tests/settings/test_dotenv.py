"""The `.env` reader's own side: problems and their hints, order, duplicates, and what must not be shown or asked."""

from __future__ import annotations

import pytest

from envkit.settings.dotenv import Binding, Problem, parse

SECRET = "Xq7canary"

KEY_WITHOUT_QUOTES = """\
NAME=app
KEY=-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASC
-----END PRIVATE KEY-----
"""


def test_a_file_gives_values_lines_and_no_problems():
    """Plain, quoted, commented and exported lines give their values and the lines they stand on."""
    text = (
        "# the app\n\nA=1\nexport B = two words  # note\r\nC='#3'\nD=\"a\\nb\" # note\n"
        'E="first\nsecond"\nF=\nG\nH=x#y\nI=http://h/#top\n'
    )
    parsed = parse(text)
    assert parsed.values == {
        "A": "1",
        "B": "two words",
        "C": "#3",
        "D": "a\nb",
        "E": "first\nsecond",
        "F": "",
        "G": None,
        "H": "x#y",
        "I": "http://h/#top",
    }
    assert parsed.lines == {"A": 3, "B": 4, "C": 5, "D": 6, "E": 7, "F": 9, "G": 10, "H": 11, "I": 12}
    assert parsed.problems == []


def test_the_last_of_a_name_wins_at_the_place_of_the_first():
    """A repeated name keeps its place, takes the later value and line, and all its bindings can be seen."""
    parsed = parse("A=1\nB=${A}\nA=2\n")
    assert list(parsed.values.items()) == [("A", "2"), ("B", "1")]
    assert list(parsed.lines.items()) == [("A", 3), ("B", 2)]
    assert parsed.bindings == [Binding("A", "1", 1), Binding("B", "1", 2), Binding("A", "2", 3)]


@pytest.mark.parametrize(
    ("statement", "problem", "hint"),
    [
        (
            f'A="{SECRET}',
            "the double quote before the value never closes",
            'close it; write a quote inside the value as \\"',
        ),
        (
            f"A='{SECRET}",
            "the single quote before the value never closes",
            "close it; write a quote inside the value as \\'",
        ),
        (
            f'A="a"{SECRET}',
            "there is text behind the closing quote",
            'write a quote inside the value as \\"',
        ),
        (
            f"A {SECRET}",
            "there is no = behind the name",
            r"write NAME=value; a value of several lines needs quotes around it, or its newlines written as \n",
        ),
        (f"={SECRET}", "there is no name before the =", "write NAME=value"),
        (f"export ={SECRET}", "there is no name before the =", "write NAME=value"),
        ("export ", "there is no name behind export", "write export NAME=value"),
        (f"''={SECRET}", "the name between the quotes is empty", "write NAME=value"),
        (
            f"'{SECRET}=1",
            "the quote before the name never closes",
            r"write NAME=value; a value of several lines needs quotes around it, or its newlines written as \n",
        ),
    ],
)
def test_a_statement_that_does_not_parse_is_a_problem_with_its_line(statement, problem, hint):
    """Each kind of broken statement is told by line and kind, without its content; the lines around it are read."""
    parsed = parse(f"FIRST=1\n\n{statement}\nLAST=2\n")
    assert parsed.problems == [Problem(3, problem, hint)]
    assert parsed.values == {"FIRST": "1", "LAST": "2"}
    assert parsed.lines == {"FIRST": 1, "LAST": 4}
    assert SECRET not in repr(parsed)


def test_a_key_pasted_without_quotes_is_a_problem_on_its_last_line():
    """A PEM without quotes leaves its first line as the value, bare names, and a problem where its end stands."""
    parsed = parse(KEY_WITHOUT_QUOTES)
    assert [problem.line for problem in parsed.problems] == [4]
    assert parsed.values["KEY"] == "-----BEGIN PRIVATE KEY-----"


def test_lines_stay_right_behind_a_dropped_statement_with_crlf():
    """A dropped statement that ends with CRLF counts as one line (python-dotenv's own warning counts two)."""
    assert parse("a b\r\nc d\r\nE=1\r\n").lines == {"E": 3}


def test_values_are_not_in_any_repr():
    """Neither the result nor a binding shows a value when printed."""
    parsed = parse(f"A={SECRET}\nB {SECRET}\nC")
    assert SECRET in parsed.values["A"]
    assert repr(parsed).startswith("Parsed(names=['A', 'C'], problems=[Problem(line=2, problem='there is no =")
    assert repr(parsed.bindings) == ("[Binding(name='A', value=***, line=1), Binding(name='C', value=None, line=3)]")
    assert SECRET not in f"{parsed!r} {parsed} {parsed.bindings} {parsed.problems}"


def test_only_names_that_are_referred_to_are_asked_for():
    """The environment is never copied or listed: a mapping that only answers for one name is enough."""
    asked = []

    class OneName:
        def get(self, name):
            asked.append(name)
            return {"HOME": "/root"}.get(name)

    values = parse("A=1\nB=${HOME}${A}${NO:-x}\n", environ=OneName()).values
    assert values == {"A": "1", "B": "/root1x"}
    assert asked == ["HOME", "NO"]


def test_the_environment_wins_only_without_override():
    """A name that both the file and the environment know is the file's with override, the environment's without."""
    text, environ = "A=file\nB=${A}\nC\nD=${C:-default}\n", {"A": "environment"}
    assert parse(text, environ=environ).values["B"] == "file"
    assert parse(text, environ=environ, override=False).values["B"] == "environment"
    assert parse(text, environ=environ).values["D"] == ""


def test_without_interpolation_references_stay():
    """With `interpolate=False` a reference is ordinary text."""
    assert parse("A=${B:-c}\n", interpolate=False, environ={}).values == {"A": "${B:-c}"}
