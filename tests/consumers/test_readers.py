"""What the channels for systemd, node, npm dotenv and Heroku write and read, judged by the programs that read them."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from envkit.channels import heroku, node, npm_dotenv, systemd
from tests.channels.strategies import env_texts, long_values, values
from tests.consumers.reader_programs import NODES, SYSTEMD_LIBRARY, Node, SystemdParser, systemd_manager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.channels.channel import Channel

_EFFORT = settings.default.max_examples / 200  # 1, and 100 for HYPOTHESIS_PROFILE=thorough


def _examples(count: int) -> Any:
    """`count` examples in the default profile; the fixture's folder is reused by all of them on purpose."""
    return settings(
        max_examples=max(1, round(count * _EFFORT)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


needs_node = pytest.mark.needs(*NODES.values())
needs_systemd = pytest.mark.needs("/lib/systemd/systemd", "unshare")

NODE_READERS = [
    pytest.param(node.CHANNEL, "22", ("parseEnv",), id="node-22"),
    pytest.param(node.CHANNEL, "24", ("parseEnv",), id="node-24"),
    pytest.param(node.NODE_20, "20", ("parseEnv",), id="node-20"),
    pytest.param(npm_dotenv.CHANNEL, "24", ("dotenv16", "dotenv17", "dotenv18", "dotenv18fast"), id="npm-dotenv"),
    pytest.param(heroku.LOCAL, "24", ("foreman",), id="heroku-local"),
]

TRAPS = [
    "",
    ";🔑",
    "=🔑",
    "A=",
    "A= \nB=x",
    "A=\t\nB='x'\n",
    "A='x\nB='y'\n",
    "A='x",
    'A="x\\ny" # c\n',
    "A=`x`y\nB=`z\n",
    "=x\nA=1\n",
    " =x\n\n =y\nA=1\n",
    "export A=1\nexport  B = 2\nexport=3\n",
    "export A=\nexport B= x\n",
    "A\nB=1\n",
    "A=1\rB=2\r\nC='\r'\n",
    "A: x\nB:y\n",
    "A=a#b\nB=a #b\nC='a'#b\n",
    "\ufeffA=1\nB=2\n",
    "A='a\\'b'\nB=\"a\\\"b\"\n",
    "A='a\\' #'x\nB='c'\n",
    "#'\nA=x\n#'\n",
    '\\="',
    " #`#==",
    "\n =#n\t\n",
    "AB=\t==#",
    "A='x'\u2028B='y'\n",
    '{"A": "x", "b": {"c": 1, "d": [true, null, "e"]}, "A": "y"}',
    '{"A": 1.5}',
    '["a"]',
    '"ab"',
    "AB\nA=1\n",
    "A='x\n",
    "A='x'\n #A=\n #B='#'\n #C_1=\nA=\n #NAME=1\n",
    "A=\r\n\u2028A=",
    "A=\r\n#c\u2028B=2\n\n\nA=3",
    "A=1\n\n# c\n\n  \u2028#x\nB= 2 # c\n",
]
"""Texts that once were read otherwise, and the documented oddities."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[dict[str, Node]]:
    """One process for each version."""
    started = {version: Node(version) for version in NODES}
    yield started
    for process in started.values():
        process.close()


def _carried(channel: Channel, drawn: list[str]) -> dict[str, str]:
    """The drawn values that the channel does not refuse, each under a name of its own."""
    return {f"V{number}": value for number, value in enumerate(drawn) if channel.refuse(f"V{number}", value) is None}


@needs_node
@pytest.mark.parametrize(("channel", "version", "functions"), NODE_READERS)
def test_every_value_arrives_in_node_byte_for_byte(
    nodes: dict[str, Node], channel: Channel, version: str, functions: tuple[str, ...]
) -> None:
    """2,000 values, 100 to a file, and 40 long ones reach each version as they were, unless they are refused."""

    def check(drawn: list[str]) -> None:
        carried = _carried(channel, drawn)
        assert nodes[version].see([channel.write(carried)], *functions) == [[carried] * len(functions)]

    @_examples(20)
    @given(st.lists(values, min_size=100, max_size=100))
    def arrives(drawn: list[str]) -> None:
        check(drawn)

    @_examples(5)
    @given(st.lists(long_values, min_size=8, max_size=8))
    def long_ones_arrive(drawn: list[str]) -> None:
        check(drawn)

    arrives()
    long_ones_arrive()


@needs_node
@pytest.mark.parametrize(("channel", "version", "functions"), NODE_READERS)
def test_a_text_is_read_as_node_reads_it(
    nodes: dict[str, Node], channel: Channel, version: str, functions: tuple[str, ...]
) -> None:
    """2,000 texts of the shape of a `.env` file, and all known traps, give what each version gives."""

    @_examples(20)
    @given(st.lists(env_texts, min_size=100, max_size=100))
    @example(TRAPS)
    def reads_alike(texts: list[str]) -> None:
        for text, seen in zip(texts, nodes[version].see(texts, *functions), strict=True):
            reading = channel.read(text)
            ours = None if reading.fatal else reading.values()
            if any(finding.rule == "number" for finding in reading.findings):
                # JavaScript's own spelling of a number is left out, and said so.
                assert ours is not None
                assert all(found is not None and ours.items() <= found.items() for found in seen)
                continue
            assert seen == [ours] * len(functions), repr(text)

    reads_alike()


HOSTILE_NEXT_LINES = (
    "\n",
    "\nY='\"`'\n",
    '\nY="\'`"\nZ=`\'"`\n',
    "\nY=a'\nZ=a\"\n",
    '\nY=a"\nZ=a`\n',
    "\nY=a`\nZ=a'\n",
)
"""What may stand behind a line; each holds other quotes that an unclosed one could run on to."""


@needs_node
@pytest.mark.parametrize(
    ("channel", "version", "functions", "alphabet", "longest"),
    [
        pytest.param(node.CHANNEL, "24", ("parseEnv",), "'\"`\\n# a\n", 6, id="node"),
        pytest.param(node.CHANNEL, "24", ("parseEnv",), "'\"`\t\r\\n", 6, id="node-blanks"),
        pytest.param(npm_dotenv.CHANNEL, "24", ("dotenv17",), "'\"`\\n#a\n", 6, id="npm-dotenv"),
        pytest.param(npm_dotenv.CHANNEL, "24", ("dotenv17",), "\"'`\\r\r\u2028 ", 6, id="npm-dotenv-line-ends"),
    ],
)
def test_what_is_refused_has_no_spelling_at_all(
    nodes: dict[str, Node], channel: Channel, version: str, functions: tuple[str, ...], alphabet: str, longest: int
) -> None:
    """Of all texts of up to six hostile characters behind `X=`, none delivers a value that the channel refuses.

    A spelling counts if it delivers whatever stands on the lines behind it.
    """
    refused = {}
    for length in range(5):
        for letters in itertools.product(alphabet, repeat=length):
            value = "".join(letters)
            refused[value] = channel.refuse("X", value) is not None
    delivered: set[str] = set()
    spellings = (
        "".join(letters) for length in range(longest + 1) for letters in itertools.product(alphabet, repeat=length)
    )
    while batch := list(itertools.islice(spellings, 20_000)):
        first = nodes[version].see([f"X={spelling}{HOSTILE_NEXT_LINES[1]}" for spelling in batch], *functions)
        candidates = [
            (spelling, value)
            for spelling, [seen] in zip(batch, first, strict=True)
            if seen is not None and (value := seen.get("X")) is not None and refused.get(value)
        ]
        for spelling, value in candidates:
            texts = [f"X={spelling}{following}" for following in HOSTILE_NEXT_LINES]
            if all(seen is not None and seen.get("X") == value for [seen] in nodes[version].see(texts, *functions)):
                delivered.add(value)
    assert not delivered


@pytest.fixture
def parser(tmp_path: Path) -> SystemdParser:
    """The parser of systemd 252 itself; that of another version reads some comments otherwise."""
    if not Path(SYSTEMD_LIBRARY).exists():
        reason = f"needs {SYSTEMD_LIBRARY}, which Debian 12 has"
        if os.environ.get("ENVKIT_TESTS_REQUIRE") == "all":
            pytest.fail(reason)
        pytest.skip(reason)
    return SystemdParser(tmp_path)


def _systemd_reads(text: str) -> dict[bytes, bytes] | None:
    reading = systemd.CHANNEL.read(text)
    if reading.fatal:
        return None
    return {name.encode(): value.encode() for name, value in reading.values().items() if value is not None}


@needs_systemd
def test_every_value_arrives_in_a_unit_byte_for_byte(parser: SystemdParser) -> None:
    """3,000 values, 100 to a file, and 40 long ones go through systemd's parser as they were, unless refused."""

    def check(drawn: list[str]) -> None:
        carried = _carried(systemd.CHANNEL, drawn)
        wanted = {name.encode(): value.encode() for name, value in carried.items()}
        assert parser.see(systemd.CHANNEL.write(carried).encode()) == wanted

    @_examples(30)
    @given(st.lists(values, min_size=100, max_size=100))
    def arrives(drawn: list[str]) -> None:
        check(drawn)

    @_examples(5)
    @given(st.lists(long_values, min_size=8, max_size=8))
    def long_ones_arrive(drawn: list[str]) -> None:
        check(drawn)

    arrives()
    long_ones_arrive()


SYSTEMD_TRAPS = [
    *TRAPS,
    "#c\\\nA=1\nB=2\n",
    ";c\nA=1;c\n",
    "A=x\\",
    'A="x\\',
    "A=x \\\n y \nB=1",
    "A='it'\\''s'\n",
    'A="a" "b" c \'d\' \n',
    "=A=1\nB=2\n",
    " A =1\n1B=2\nC.D=3\nexport E=4\n",
    "A=\ufffe\n",
    "A\ufdd0=1\n",
    "#\ufffe\nA=1\n",
    "A=1\0",
    "A=\udcff\n",
    "A=1\rB=2\n\rC=3",
]


@needs_systemd
def test_a_text_is_read_as_systemd_reads_it(parser: SystemdParser) -> None:
    """3,000 texts of the shape of a `.env` file, and all known traps, give what systemd's parser gives."""

    @_examples(30)
    @given(st.lists(st.one_of(env_texts, st.text("A='\"\\\n #;\t\r", max_size=14)), min_size=100, max_size=100))
    @example(SYSTEMD_TRAPS)
    def reads_alike(texts: list[str]) -> None:
        for text in texts:
            assert _systemd_reads(text) == parser.see(text.encode("utf-8", "surrogateescape")), repr(text)

    reads_alike()


@needs_systemd
def test_systemd_carries_every_character_but_those_refused(parser: SystemdParser) -> None:
    """Each of Unicode's characters arrives in a value, or is refused and then fails the whole file."""
    carried, refused = [], []
    for point in (*range(1, 0xD800), *range(0xE000, 0x110000)):
        (refused if systemd.CHANNEL.refuse("V", chr(point)) else carried).append(chr(point))
    runs = ["".join(carried[start : start + 1_000]) for start in range(0, len(carried), 1_000)]
    wanted = {f"V{number}": run for number, run in enumerate(runs)}
    seen = parser.see(systemd.CHANNEL.write(wanted).encode())
    assert seen == {name.encode(): value.encode() for name, value in wanted.items()}
    assert len(refused) == 66
    assert all(parser.see(f"V='{char}'\n".encode()) is None for char in refused)


@needs_systemd
def test_a_real_service_manager_starts_services_with_these_values(tmp_path: Path) -> None:
    """Services of a running systemd get what was written, and what we read in some 50 traps (each is a process)."""
    hostile = [
        " x ",
        "'\"\\$`",
        "${A} $A $$",
        "a\nb\r\n",
        "\\n",
        "#;",
        "é🔑",
        "%i %%",
        "-----BEGIN KEY-----\nAB==\n",
        "",
    ]
    carried = {f"V{number}": value for number, value in enumerate(hostile)}
    texts = [systemd.CHANNEL.write(carried), *(text for text in SYSTEMD_TRAPS if "\udcff" not in text)]
    seen = systemd_manager(tmp_path, texts)
    for text, found in zip(texts, seen, strict=True):
        wanted = _systemd_reads(text)
        if wanted is None:
            assert found is None, repr(text)
        else:
            assert found is not None, repr(text)
            named = {name: found.get(name) for name in wanted}
            assert named == wanted, repr(text)
