"""The exact form of what is written for shells, systemd, node, Heroku and Inertia; every refusal, word for word."""

from __future__ import annotations

import pytest

from envkit.channels.channel import Refusal
from envkit.channels.heroku import LONGEST_TOTAL
from envkit.channels.registry import channel

SETTINGS = {"KEY": "-----BEGIN KEY-----\nA=\n", "QUOTED": 'it\'s "$5"', "BACK": "\\n\\", "EMPTY": ""}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shell", "KEY='-----BEGIN KEY-----\nA=\n'\nQUOTED='it'\\''s \"$5\"'\nBACK='\\n\\'\nEMPTY=''\n"),
        ("systemd", 'KEY="-----BEGIN KEY-----\nA=\n"\nQUOTED="it\'s \\"\\$5\\""\nBACK="\\\\n\\\\"\nEMPTY=""\n'),
        ("node", "KEY='-----BEGIN KEY-----\nA=\n'\nQUOTED=`it's \"$5\"`\nBACK='\\n\\'\nEMPTY=''\n"),
        ("npm-dotenv", "KEY='-----BEGIN KEY-----\nA=\n'\nQUOTED=`it's \"$5\"`\nBACK='\\n\\' #'x\nEMPTY=''\n"),
        (
            "heroku",
            (
                "heroku config:set \\\n  'KEY=-----BEGIN KEY-----\nA=\n'"
                " \\\n  'QUOTED=it'\\''s \"$5\"' \\\n  'BACK=\\n\\' \\\n  'EMPTY='\n"
            ),
        ),
        (
            "heroku-local",
            (
                '{\n  "KEY": "-----BEGIN KEY-----\\nA=\\n",\n'
                '  "QUOTED": "it\'s \\"$5\\"",\n  "BACK": "\\\\n\\\\",\n  "EMPTY": ""\n}\n'
            ),
        ),
    ],
)
def test_settings_are_written_in_one_exact_form(name: str, text: str) -> None:
    """The same settings give the same text each time, and reading it gives them back."""
    assert channel(name).write(SETTINGS) == text
    assert channel(name).read(text).values() == SETTINGS
    assert channel(name).write({}) == ("{}\n" if name == "heroku-local" else "")


def test_inertia_gets_one_command_for_each_setting() -> None:
    """The script stops at the first failure, and each value stands behind `--`."""
    written = {"KEY": SETTINGS["KEY"], "OFFSET": "-5"}
    text = (
        "set -eu\n"
        "inertia \"$REMOTE\" env set -- KEY '-----BEGIN KEY-----\nA=\n'\n"
        "inertia \"$REMOTE\" env set -- OFFSET '-5'\n"
    )
    assert channel("inertia").write(written) == text
    assert channel("inertia").read(text).values() == written
    assert channel("inertia").read(text).bindings[1].line == 5


@pytest.mark.parametrize(
    ("command", "values"),
    [
        ("env set A -- -5", {"A": "-5"}),
        ("env set A -", {"A": "-"}),
        ("env set A '\\-----BEGIN'", {"A": "\\-----BEGIN"}),
        ("env set A -e x", {"A": "x"}),
        ("env set A -5", {}),
        ("env set A --foo=bar", {}),
        ("env set A --debug", {}),
        ("env set A ''", {}),
        ("env set -- A --config", {}),
        ("env set A -----BEGIN", {}),
        ("env set A $X", {}),
        ("env ls", {}),
    ],
)
def test_inertia_commands_are_taken_apart_as_pflag_does(command: str, values: dict[str, str]) -> None:
    """Without `--` a value that begins with a dash is an option; what is not stored is reported."""
    reading = channel("inertia").read(f"inertia production {command}\n")
    assert reading.values() == values
    assert bool(reading.findings) is not bool(values)


@pytest.mark.parametrize(
    ("name", "setting", "value", "refusal"),
    [
        ("shell", "UID", "5", Refusal("UID is bash's own variable", "rename the setting")),
        ("shell", "COLUMNS", "x", Refusal("COLUMNS can only be a whole number in mksh", "rename the setting")),
        (
            "systemd",
            "A",
            "\ufffe",
            Refusal(
                "the value holds a Unicode noncharacter, with which systemd does not start the unit",
                "store it as base64",
            ),
        ),
        (
            "node",
            "A",
            "\r",
            Refusal("the value holds a CR, which node deletes", "put the value into a file and set A_FILE to its path"),
        ),
        (
            "node",
            "A",
            "'\"`#",
            Refusal(
                "the value holds all three quotes that node knows (or a literal \\n and the other two), "
                "and node has no escape for a quote",
                "put the value into a file and set A_FILE to its path",
            ),
        ),
        (
            "npm-dotenv",
            "A",
            "'\"`#",
            Refusal(
                "the value holds a # or a line break beside all three quotes that dotenv knows, "
                "and dotenv has no escape for a quote",
                "put the value into a file and set A_FILE to its path",
            ),
        ),
        (
            "inertia",
            "A",
            "",
            Refusal("inertia stores no empty value", "leave the setting out: envkit takes empty for unset"),
        ),
        (
            "inertia",
            "A",
            "--config",
            Refusal("inertia takes this value for one of its own options", "send it in a file, by inertia send"),
        ),
        (
            "heroku",
            "HEROKU_A",
            "x",
            Refusal(
                "a config var's name must consist of letters, digits and _, and not begin with a digit, __ or HEROKU_",
                "rename the setting",
            ),
        ),
        (
            "heroku",
            "A",
            "é" * 16_384,
            Refusal(
                "the setting is longer than the 32 kB that an app's config vars can take",
                "put the value into a file and set A_FILE to its path",
            ),
        ),
        (
            "heroku-local",
            "a",
            "x",
            Refusal("heroku local takes names in upper case only", "rename the setting in upper case"),
        ),
    ],
)
def test_a_refusal_says_why_and_what_to_do(name: str, setting: str, value: str, refusal: Refusal) -> None:
    """Word for word, and writing such a setting is an error that names it and holds no value."""
    assert channel(name).refuse(setting, value) == refusal
    with pytest.raises(ValueError, match=setting) as raised:
        channel(name).write({setting: value})
    assert str(raised.value) == f"{name}: {setting}: {refusal.problem}. {refusal.hint}"


def test_heroku_refuses_more_than_an_app_can_have() -> None:
    """Settings that are small enough each, and too large together, are an error with both numbers."""
    small = {f"A{number}": "x" * 1_000 for number in range(40)}
    assert not any(channel("heroku").refuse(name, value) for name, value in small.items())
    with pytest.raises(ValueError, match=f"{LONGEST_TOTAL:,}"):
        channel("heroku").write(small)


@pytest.mark.parametrize("name", ["shell", "systemd", "node", "npm-dotenv", "github", "github-output", "inertia"])
def test_ten_thousand_settings_are_written_and_read_back(name: str) -> None:
    """Many settings are as exact as a few, and each has the line on which it begins."""
    many = {f"NAME_{number}": f"value {number} 'of' many\\" for number in range(10_000)}
    reading = channel(name).read(channel(name).write(many))
    assert reading.values() == many
    lines = [binding.line for binding in reading.bindings]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("shell", "\nA='x\ny'\n\nB=1\n", [2, 5]),
        ("systemd", "#c\nA='x\ny'\n\nB=1\n", [2, 5]),
        ("node", "\n#c\nA='x\ny'\n\nB=1\n", [3, 6]),
        ("npm-dotenv", "\n#c\nA='x\ny'\n\nB=1\n", [3, 6]),
        ("github", "\nA<<E\nx\nE\n\nB=1\n", [2, 6]),
        ("heroku-local", "# c\n\n\nA=1\n  \n# c\nB=2\n", [4, 7]),
        ("heroku-local", '{\n  "A": "x",\n  "B": "A"\n}', [2, 3]),
    ],
)
def test_each_binding_has_the_line_on_which_it_begins(name: str, text: str, lines: list[int]) -> None:
    """Lines are counted from 1, through comments, blank lines and values of several lines."""
    assert [binding.line for binding in channel(name).read(text).bindings] == lines


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "shell",
            "A=my value\n",
            "line 1: A: runs a command with this set for it alone. put the value in single quotes",
        ),
        ("shell", "A=$(date)\n", "line 1: A: runs a command. put the value in single quotes"),
        ("shell", "A='x\n", "line 1: a quote that never closes"),
        ("shell", "B=1\nA=$B\n", "line 2: A: expands a $NAME. put the value in single quotes to keep the $"),
        ("systemd", "A='x\nB=1\n", "line 1: A: a quote that never closes swallows the rest of the file"),
        ("systemd", "export A=1\n", "line 1: a name that systemd drops. remove export"),
        ("node", "A= \nB=1\n", "line 1: A: a blank after = makes the next line the value"),
        ("npm-dotenv", "hello\n", "line 1: no NAME=value that dotenv finds: it skips the line"),
        ("github", "A<<E\nx\n", "line 1: the delimiter never comes: the runner fails the step"),
        ("heroku-local", "A='x\n", "line 1: a quote that does not close on its line"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(name: str, text: str, said: str) -> None:
    """One finding for each, without any part of a value."""
    assert [str(finding) for finding in channel(name).read(text).findings] == [said]
