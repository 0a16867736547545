"""A rewritten text keeps every value, and what it could rewrite is read alike by all of its readers."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from envkit.channels.comparison import compare, is_line_reader
from envkit.channels.dotenv import DOTENV
from envkit.channels.registry import channel, names
from envkit.channels.respelling import Speller, rewrite
from tests.channels.strategies import env_texts, values

READERS = tuple(name for name in names() if is_line_reader(channel(name)))
some_readers = st.lists(st.sampled_from(READERS), min_size=2, max_size=5, unique=True)


def _rewrite(text, *readers):
    return rewrite(text, [channel(name) for name in readers])


@pytest.mark.parametrize(
    ("before", "after", "readers"),
    [
        ("B='x'\n", "B=x\n", ("dotenv", "docker")),
        ("B=x y\n", "B='x y'\n", ("dotenv", "shell")),
        ("B=x #y\n", "#y\nB=x\n", ("dotenv", "docker")),
        ("B='x'\t # why \\\n", "# why \\ \nB=x\n", ("dotenv", "systemd", "docker")),
        ("export B=x\n", "B=x\n", ("dotenv", "docker")),
        ("  B = x\n", "B=x\n", ("dotenv", "shell")),
        ("B=a$b\n", "B='a$b'\n", ("dotenv", "compose", "shell")),
        ("B=it's\nC=1\n", 'B="it\'s"\nC=1\n', ("dotenv", "shell", "systemd")),
        ("B=x   \n", "B=x\n", ("dotenv", "docker")),
        ("A=1\r\nB=2\r\n", "A=1\nB=2\n", ("dotenv", "shell")),
        ("\ufeffA=1\n", "A=1\n", ("dotenv", "shell")),
        ("B='x'", "B=x\n", ("dotenv", "docker")),
        ('B="a\\nb"\n', "B='a\nb'\n", ("dotenv", "systemd")),
    ],
)
def test_examples(before, after, readers):
    """Each line is written as its readers agree, its comment above it."""
    assert _rewrite(before, *readers).text == after


def test_comments_order_and_blank_lines_stay():
    """Only the lines that readers dispute change, and they are named."""
    text = "# first\n\nA=1   # one\n\n\n# last\nB='x'\n#end"
    rewritten = _rewrite(text, "dotenv", "docker")
    assert rewritten.text == "# first\n\n# one\nA=1\n\n\n# last\nB=x\n#end"
    assert rewritten.lines == (3, 7)


@pytest.mark.parametrize(
    ("text", "readers"),
    [
        ("B='x y'\n", ("dotenv", "docker", "shell")),  # docker knows no quotes, the shell needs them
        ("A=1\nB=x${A}\n", ("dotenv", "docker")),  # the value depends on another
        ("B=${HOME}\n", ("dotenv", "docker")),
        ("B\n", ("dotenv", "shell")),
        ("B='x\n", ("dotenv", "docker")),
        ("not a line\n", ("dotenv", "compose")),
        ("A='x' # why\nB='y'\n", ("dotenv", "github")),  # the runner fails at a comment
        ("A='x'\nB=y \r`\n", ("dotenv", "kubectl")),  # kubectl takes no name `, which the CR would make of it
    ],
)
def test_what_no_spelling_makes_alike_stays(text, readers):
    """A line that cannot be mended is left to the person who wrote it."""
    assert _rewrite(text, *readers) == (text, ())


@given(env_texts, some_readers)
@example("B=it's\nC=don't\n", ["dotenv", "shell"])
@example("A=\r=", ["dotenv", "docker"])
@example("==\\\r\nA=", ["dotenv", "docker", "systemd"])
@example("A='x'\r\nB=\"${A}\"\r\n", ["docker", "shell", "node"])
def test_values_stay_and_what_is_left_is_named(text, readers):
    """python-dotenv reads the same values before and after; every line still disputed is found again."""
    chosen = [channel(name) for name in readers]
    rewritten = rewrite(text, chosen)
    before, after = DOTENV.read(text, {}), DOTENV.read(rewritten.text, {})
    assert after.values() == before.values()
    differences = compare(rewritten.text, chosen)
    disputed = {difference.line for difference in differences}
    for reader in chosen:
        reading = reader.read(rewritten.text, {})
        if reading.fatal or "dotenv" not in readers:
            continue
        agreed = {(name, value) for name, value, line in reading.bindings if line not in disputed and value is not None}
        assert agreed <= {(name, value) for name, value, _ in after.bindings}
    if not re.search(r"\r(?!\n)", text):
        assert len(differences) <= len(compare(text, chosen))


@given(env_texts, some_readers)
@example("A= 'it' # x\nB= '' \n", ["heroku-local", "github"])
@example("A0 = \nA1='${ \nA2 = \\' # c\n\nA3= \"${-'{ a \"\nA4= \n`\n", ["node", "compose", "docker"])
def test_no_reader_comes_to_refuse_the_file_or_to_lose_what_all_agreed_on(text, readers):
    """Who took the file before takes it afterwards, and a setting that all saw alike is the same for all."""
    chosen = [channel(name) for name in readers]
    result = rewrite(text, chosen).text
    assert not [one for one in chosen if one.read(result, {}).fatal and not one.read(text, {}).fatal]
    agreed = set.intersection(*(set(one.read(text, {}).values().items()) for one in chosen))
    assert all(agreed <= set(one.read(result, {}).values().items()) for one in chosen)


@given(env_texts, some_readers)
@example('# c\nA0=\'\\\'\'\r\n A1 = "~"\r\n# c\nA2="\\n"\n', ["systemd", "shell"])
def test_rewriting_again_changes_nothing(text, readers):
    """What one run could not mend, another does not either."""
    chosen = [channel(name) for name in readers]
    once = rewrite(text, chosen).text
    assume(not once.startswith("\ufeff"))  # of two byte order marks one goes at a time
    assert rewrite(once, chosen) == (once, ())


@given(st.lists(values, min_size=1, max_size=5), some_readers)
def test_a_spelling_on_which_all_agree_delivers_the_value(drawn, readers):
    """Where no reader is odd, each sees exactly the value; a reader that refuses the value is always odd."""
    chosen = [channel(name) for name in readers]
    speller = Speller(chosen)
    for value in drawn:
        spelling = speller.spelling("NAME", value)
        for reader in chosen:
            seen = reader.read(f"NAME={spelling.text}\nZ=1\n", {}).values()
            assert seen == {"NAME": value, "Z": "1"} or reader.name in spelling.odd
            assert reader.name in spelling.odd or reader.refuse("NAME", value) is None


@given(st.lists(values, min_size=2, max_size=8), some_readers)
@example(["a$b", "a$c", "a$UID", "a$1", "a$12"], ["dotenv", "shell", "compose"])
def test_what_is_remembered_of_one_value_is_true_of_another(drawn, readers):
    """A speller that has seen many values spells each as one that has seen none."""
    chosen = [channel(name) for name in readers]
    speller = Speller(chosen)
    for value in drawn:
        assert speller.spelling("NAME", value) == Speller(chosen).spelling("NAME", value)


def test_variables_are_alike_but_for_those_that_a_shell_sets():
    """The pattern of a$b is that of a$c, so that 10,000 passwords with a dollar cost no trial each."""
    speller = Speller([channel(name) for name in ("dotenv", "shell")])
    patterns = [speller._known.copy() for value in ("a$b", "x$yz", "a$UID") if speller.spelling("NAME", value)]
    assert [len(known) for known in patterns] == [1, 1, 2]


def test_a_reader_that_refuses_the_value_is_odd():
    """Unquoted, node reads all three quotes without a line break, as long as no later line holds the first of them."""
    spelling = Speller([channel(name) for name in ("docker", "node")]).spelling("NAME", "`'\"")
    assert spelling.odd == ("node",)


def test_the_odd_one_is_named():
    """With a blank in the value only docker cannot agree with the others."""
    spelling = Speller([channel(name) for name in ("dotenv", "docker", "shell")]).spelling("NAME", "x y")
    assert (spelling.text, spelling.form, spelling.odd) == ("'x y'", "single quotes", ("docker",))
