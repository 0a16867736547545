"""The channels for containers and JSON, by themselves; tests/consumers asks the real programs."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.channels.channel import Binding
from envkit.channels.registry import channel
from tests.channels.strategies import ENVIRON, env_texts, long_values, values

ALL = [
    *("dotenv", "docker", "podman", "compose", "compose-v1", "compose-raw", "kubectl"),
    *("kubernetes", "configmap", "ecs", "ecs-secretsmanager", "json"),
]
FILES = ALL[:7]


@pytest.mark.parametrize("name", ALL)
@given(drawn=st.lists(st.one_of(values, values, values, long_values), max_size=6))
def test_what_is_written_is_read_back_unless_refused(name, drawn):
    """Every value comes back as it was, under its name and in its order, or is refused with a reason and a way out."""
    found = channel(name)
    settings = {f"V{number}": value for number, value in enumerate(drawn)}
    refusals = {key: found.refuse(key, value) for key, value in settings.items()}
    carried = {key: value for key, value in settings.items() if refusals[key] is None}
    for refusal in refusals.values():
        assert refusal is None or (refusal.problem and refusal.hint)
    if name == "ecs-secretsmanager" and len(json.dumps(carried, ensure_ascii=False).encode()) > 60_000:
        return
    reading = found.read(found.write(carried))
    assert not reading.fatal
    assert not reading.findings
    assert [(binding.name, binding.value) for binding in reading.bindings] == list(carried.items())


@pytest.mark.parametrize("name", ALL)
def test_a_refused_value_is_not_written(name):
    """Writing a refused value is an error that names the setting and holds no value."""
    found = channel(name)
    with pytest.raises(ValueError, match="^" + name + ": SECRET: the value holds a NUL character") as raised:
        found.write({"SECRET": "hunter2\0", "OTHER": "x"})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("name", FILES)
@given(text=env_texts)
def test_reading_never_raises_and_findings_show_nothing_of_the_text(name, text):
    """Any text gives bindings in order of their lines, and findings without the text's content."""
    reading = channel(name).read(text, ENVIRON)
    lines = [binding.line for binding in reading.bindings]
    assert lines == sorted(lines)
    assert all(1 <= line <= text.count("\n") + text.count("\r") + 1 for line in lines)
    assert not reading.fatal or reading.findings
    for finding in reading.findings:
        assert finding.origin.startswith("line ")


@pytest.mark.parametrize("name", FILES)
def test_bindings_know_their_lines(name):
    """A binding's line is the one on which it starts, after comments and blank lines."""
    reading = channel(name).read("# first\n\nA=1\n#\nB=2\n\n\nC=3\n")
    assert reading.bindings == [Binding("A", "1", 3), Binding("B", "2", 5), Binding("C", "3", 8)]


@pytest.mark.parametrize("name", ["dotenv", "compose", "compose-v1"])
def test_lines_are_counted_through_values_of_several_lines(name):
    """What follows a quoted value over three lines has the right line."""
    assert channel(name).read("A='x\ny\nz'\n\nB=2\n").bindings == [Binding("A", "x\ny\nz", 1), Binding("B", "2", 5)]


@pytest.mark.parametrize("name", ["docker", "podman", "compose-raw", "kubectl"])
def test_no_spelling_puts_a_line_break_into_a_raw_line(name):
    """Of all texts of six characters after a name, none is read as a value with LF: refusing one refuses no more."""
    read = channel(name).read
    for letters in itertools.product("='\"\\n\n", repeat=6):
        values = read("A=" + "".join(letters), {}).values().values()
        assert not any("\n" in (value or "") for value in values)


@pytest.mark.parametrize("name", ALL)
def test_no_value_runs_a_command(name, tmp_path):
    """A value with command substitutions in it comes back as it was, and nothing has run."""
    probe = tmp_path / "ran"
    value = f"$(touch {probe}) `touch {probe}` ${{X:-$(touch {probe})}}"
    found = channel(name)
    assert found.read(found.write({"A": value})).values() == {"A": value}
    assert not probe.exists()


@pytest.mark.parametrize(
    ("name", "value", "problem", "hint"),
    [
        (
            "docker",
            "a\nb",
            "the value has a line break, and this format ends a value at the end of the line",
            "put the value into a file and set KEY_FILE to its path, or take another channel",
        ),
        (
            "docker",
            "x" * 65_532,
            "the variable is longer than the 65,535 bytes that a line of this format can take",
            "put the value into a file and set KEY_FILE to its path",
        ),
        (
            "compose",
            "x" * 131_068,
            "the variable is longer than the 131,071 bytes that a process can take",
            "put the value into a file and set KEY_FILE to its path",
        ),
        ("json", "\udcff", "the value holds bytes that are not UTF-8", "store it as base64"),
        ("ecs", "", "Parameter Store takes no empty value", "take the channel ecs-secretsmanager"),
        (
            "ecs",
            "é" * 4097,
            "the value is longer than the 8 KiB that Parameter Store takes",
            "take the channel ecs-secretsmanager, or put the value into a file and set KEY_FILE to its path",
        ),
        (
            "ecs",
            "a{{b}}",
            "the value holds {{…}}, which Parameter Store takes for another parameter",
            "take the channel ecs-secretsmanager, or put the value into a file and set KEY_FILE to its path",
        ),
        (
            "ecs-secretsmanager",
            "x" * 65_530,
            "the value is longer than the 65,536 bytes that a secret holds",
            "put the value into a file and set KEY_FILE to its path",
        ),
    ],
)
def test_a_refusal_says_why_and_what_to_do(name, value, problem, hint):
    """The words of a refusal."""
    assert channel(name).refuse("KEY", value) == (problem, hint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("docker", "x" * 65_531),
        ("docker", "x" * 65_529 + "\r"),
        ("podman", "é" * 32_765),
        ("compose", "x" * 131_067),
        ("kubernetes", "x" * 131_067),
        ("ecs", "é" * 4096),
        ("ecs", "}}{{"),
        ("ecs-secretsmanager", "x" * 65_526),
    ],
)
def test_the_longest_value_is_not_refused(name, value):
    """One byte less than what is refused is carried."""
    found = channel(name)
    assert found.refuse("KEY", value) is None
    assert found.read(found.write({"KEY": value})).values() == {"KEY": value}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *(("docker", bad) for bad in ("", "A B", "A\tB", "#A", "A=B", "\ufeffA", "A\nB")),
        *(("podman", bad) for bad in ("", " A", "#A", "A=B", "A\nB")),
        *(("kubectl", bad) for bad in ("", "1A", "A B", "..A", ".", "é", "A" * 254, "A\n")),
        *(("kubernetes", bad) for bad in ("", "1A", "A B", "A" * 254)),
        *(("compose", bad) for bad in ("", "A B", "A=B", "é", "A\n")),
        *(("dotenv", bad) for bad in ("", "A B", "A=B", "'A", "A#")),
        *(("ecs", bad) for bad in ("", "A/B", "é")),
        *(("ecs-secretsmanager", bad) for bad in ("", "A:B", "A=B")),
    ],
)
def test_names_that_the_reader_cannot_take_are_refused(name, bad):
    """A name the reader would misread is refused for every value."""
    assert channel(name).refuse(bad, "x")


def test_a_resource_above_one_mebibyte_is_not_written():
    """The API server's limit for all values of a Secret together is an error before it gets there."""
    settings = {f"V{number}": "x" * 131_000 for number in range(9)}
    with pytest.raises(ValueError, match=r"^kubernetes: all values together have 1,179,000 bytes, above 1 MiB"):
        channel("kubernetes").write(settings)


def test_a_secret_above_its_limit_is_not_written():
    """AWS Secrets Manager's limit for one secret is an error before it gets there."""
    settings = {f"V{number}": "x" * 10_000 for number in range(7)}
    with pytest.raises(ValueError, match=r"^ecs-secretsmanager: all values together have 70,057 bytes of JSON, above"):
        channel("ecs-secretsmanager").write(settings)


def test_a_long_parameter_is_an_advanced_one():
    """Up to 4 KiB a parameter is a standard one, which costs nothing."""
    document = json.loads(channel("ecs").write({"A": "x" * 4096, "B": "x" * 4097}))
    assert [parameter["Tier"] for parameter in document["putParameter"]] == ["Standard", "Advanced"]


def test_the_ecs_documents_fit_together():
    """The container definition names the parameters that the calls create."""
    assert json.loads(channel("ecs").write({"KEY": "v"})) == {
        "containerDefinition": {"secrets": [{"name": "KEY", "valueFrom": "/app/KEY"}]},
        "putParameter": [
            {"Name": "/app/KEY", "Value": "v", "Type": "SecureString", "Tier": "Standard", "Overwrite": True}
        ],
    }
    assert json.loads(channel("ecs-secretsmanager").write({"KEY": "v"})) == {
        "containerDefinition": {
            "secrets": [
                {"name": "KEY", "valueFrom": "arn:aws:secretsmanager:REGION:ACCOUNT:secret:app:KEY::"},
            ]
        },
        "createSecret": {"Name": "app", "SecretString": '{"KEY":"v"}'},
    }


def test_a_container_definition_of_ones_own_is_read():
    """Plain variables have their value; a secret without its document has none, and a finding says so."""
    text = '{"environment": [{"name": "A", "value": "1"}],\n"secrets": [\n{"name": "B", "valueFrom": "/x/B"}]}'
    reading = channel("ecs").read(text)
    assert reading.bindings == [Binding("A", "1", 1), Binding("B", None, 3)]
    assert [str(finding) for finding in reading.findings] == [
        "line 3: B: the value it refers to is not in this text. add the document that creates it"
    ]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "line 1: not JSON: expecting value"),
        ("[]", 'line 1: not a JSON object. write {"NAME": "value"}'),
        ('{"A": "1",\n}', "line 2: not JSON: no name in double quotes"),
        ('{"A": "1"\n"B": "2"}', "line 2: not JSON: neither , nor } after a value"),
        ('{"A": "1"}\nx', "line 2: not JSON: text after the end"),
        ('{"A": ' + "[" * 60, "line 1: not JSON: nested too deeply"),
    ],
)
def test_broken_json_is_fatal(text, finding):
    """The finding says where and what; nothing is read."""
    reading = channel("json").read(text)
    assert reading.fatal
    assert [str(found) for found in reading.findings] == [finding]


def test_json_values_that_are_no_strings_are_findings():
    """A number has no one text; null is a setting without a value; the last of equal names wins."""
    reading = channel("json").read('{"A": 1.50,\n"B": null,\n"C": "x",\n"C": "y"}')
    assert reading.values() == {"B": None, "C": "y"}
    assert [str(found) for found in reading.findings] == [
        'line 1: A: the value is not a string. write {"NAME": "value"}'
    ]


@pytest.mark.parametrize("name", ["json", "kubernetes", "ecs", "ecs-secretsmanager", "heroku"])
def test_a_number_without_end_is_no_setting(name):
    """Python's reader of JSON stumbles over whole numbers of more than 4300 digits, and no channel over that."""
    assert channel(name).read(f'{{"A": {"1" * 5000}}}').values() == {}


def test_references_nested_without_end_do_not_exhaust_the_stack():
    """Compose's defaults within defaults are followed to a depth, and refused beyond it."""
    reading = channel("compose").read("A=" + "${A:-" * 5000 + "}" * 5000 + "\n")
    assert reading.fatal
    assert reading.findings[0].problem == "references are nested too deeply to follow"


def test_a_value_of_backslashes_is_read_in_linear_time():
    """400,000 escapes on one line are told at once; counted anew at each of them, they would take an hour."""
    reading = channel("systemd").read("A=" + 'x"\\' * 400_000 + "\n", {})
    assert reading.bindings == [Binding("A", 'x"' * 400_000, 1)]


def test_the_rules_of_raw_lines_name_their_own_reader():
    """Compose has docker's parser, and its own environment."""
    rules = " ".join(channel("compose-raw").rules)
    assert "Compose stops with an error" in rules
    assert "the value of Compose's own environment" in rules
