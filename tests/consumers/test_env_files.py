"""What the channels for env files write and read, judged by the programs that read them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from envkit.channels.registry import channel
from tests.channels.strategies import ENVIRON, env_texts, long_values, values
from tests.consumers.container_programs import (
    COMPOSE_2,
    EMPTY_IMAGE,
    Compose,
    ComposeV1,
    Docker,
    Kubectl,
    Podman,
    PythonDotenv,
    docker_programs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EFFORT = settings.default.max_examples / 200  # 1, and 100 for HYPOTHESIS_PROFILE=thorough


def _examples(count: int) -> Any:
    """`count` examples in the default profile; the fixture's folder is reused by all of them on purpose."""
    return settings(
        max_examples=max(1, round(count * _EFFORT)),
        # No shrinking: the failing text is shown by itself, and each try would cost many processes.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


_needs = pytest.mark.needs
PROGRAMS = [
    pytest.param("dotenv", "python-dotenv", id="python-dotenv"),
    pytest.param("compose-v1", "compose-v1", id="docker-compose-1.29", marks=_needs("docker-compose")),
    *(
        pytest.param("compose", f"compose {version}", id=f"compose-{version}", marks=_needs(program))
        for version, program in COMPOSE_2.items()
    ),
    pytest.param("compose-raw", "compose-raw 2.40", id="compose-raw-2.40", marks=_needs(COMPOSE_2["2.40"])),
    *(
        pytest.param("docker", f"docker {program}", id=f"docker-{program}", marks=_needs(program, "dockerd"))
        for program in docker_programs() or ["docker"]
    ),
    pytest.param("podman", "podman", id="podman", marks=_needs("podman")),
    pytest.param("kubectl", "kubectl", id="kubectl", marks=_needs("kubectl")),
]
SLOW = {"podman", "kubectl"}
"""These need a process of 0.1 to 0.3 s for every file."""


@pytest.fixture
def program(request: pytest.FixtureRequest, reader: str, tmp_path: Path) -> Iterator[Any]:
    """The program called `reader`, with `ENVIRON` as its environment."""
    kind, _, detail = reader.partition(" ")
    if kind == "python-dotenv":
        yield PythonDotenv(tmp_path, ENVIRON)
    elif kind == "compose-v1":
        child = ComposeV1(tmp_path, ENVIRON)
        yield child
        child.close()
    elif kind == "compose":
        yield Compose(tmp_path, ENVIRON, COMPOSE_2[detail])
    elif kind == "compose-raw":
        yield Compose(tmp_path, ENVIRON, COMPOSE_2[detail], "raw")
    elif kind == "docker":
        yield Docker(tmp_path, ENVIRON, detail, request.getfixturevalue("docker_host"), EMPTY_IMAGE)
    elif kind == "podman":
        podman = Podman(tmp_path, ENVIRON)
        yield podman
        podman.close()
    else:
        yield Kubectl(tmp_path, ENVIRON)


def _carried(name: str, drawn: list[str]) -> dict[str, str]:
    """The drawn values that the channel does not refuse, each under a name of its own."""
    refuse = channel(name).refuse
    return {f"V{number}": value for number, value in enumerate(drawn) if refuse(f"V{number}", value) is None}


@pytest.mark.parametrize(("name", "reader"), PROGRAMS)
def test_every_value_arrives_byte_for_byte(name: str, program: Any) -> None:
    """2,000 values, 100 to a file, reach the program as they were, unless the channel refuses them."""

    @_examples(20)
    @given(st.lists(values, min_size=100, max_size=100))
    def arrives(drawn: list[str]) -> None:
        carried = _carried(name, drawn)
        assert program.see([channel(name).write(carried)], [False]) == [carried]

    arrives()


@pytest.mark.parametrize(("name", "reader"), PROGRAMS)
def test_long_values_arrive_byte_for_byte(name: str, program: Any) -> None:
    """Values of 4 to 100 kB reach the program as they were, unless the channel refuses them."""

    @_examples(5)
    @given(st.lists(long_values, min_size=8, max_size=8))
    def arrives(drawn: list[str]) -> None:
        carried = _carried(name, drawn)
        assert program.see([channel(name).write(carried)], [False]) == [carried]

    arrives()


@pytest.mark.parametrize(("name", "reader"), PROGRAMS)
def test_a_text_is_read_as_the_program_reads_it(name: str, reader: str, program: Any) -> None:
    """2,000 texts of the shape of a `.env` file give the variables, or the error, that the program gives.

    Programs that need a process for each file get 60 texts here, and lines in the next test. Others get many files in
    one call; as a file with an error spoils a call, of those that we expect to fail five of each hundred are tried.
    """
    size, count = (20, 3) if reader in SLOW else (100, 20)

    @_examples(count)
    @given(st.lists(env_texts, min_size=size, max_size=size))
    def reads_alike(texts: list[str]) -> None:
        _compare(name, program, texts, most_fatal=5)

    reads_alike()


_LEADS = st.sampled_from(["", "", "", "", " ", "\t", "\xa0", "\x0b", "\ufeff", "#", " #", "\u2028"])
_MIDDLES = st.sampled_from(["=", "=", "=", "=", "", "*", ".x=", "-y=", "é=", "\r"])


@pytest.mark.parametrize(("name", "reader"), [param for param in PROGRAMS if param.values[1] in SLOW])
def test_a_line_is_read_as_the_program_reads_it(name: str, program: Any) -> None:
    """2,000 lines that are no error, 200 to a file and each with a name of its own, are read as the program does."""

    @_examples(10)
    @given(st.lists(st.tuples(_LEADS, _MIDDLES, values), min_size=200, max_size=200))
    def reads_alike(drawn: list[tuple[str, str, str]]) -> None:
        lines = (
            f"{lead}N{number}{middle}{value}".split("\n")[0] + "\n"
            for number, (lead, middle, value) in enumerate(drawn)
        )
        # A name that does not stand on its line is a variable of the reader's environment.
        text = "".join(line for line in lines if not channel(name).read("\n" + line, {}).fatal)
        _compare(name, program, [text], most_fatal=0)

    reads_alike()


EXAMPLES = [
    "",
    "A=1\nA\n",
    "A=1\nNONE\nHOST\n",
    "NONE=1\nNONE\n",
    "A",
    "=x\n",
    "export A=1\n",
    "export",
    "export \n",
    "export\nA=1\n",
    "\ufeffA=1\nB=2\n",
    "\n\ufeffA=1\n",
    "A=1\r\nB=2\r\n",
    "A=1\r",
    "A='C:\\'\nB='b'\n",
    'A="x\\\\"\nB="y"\n',
    "A='x' y\nB=2\n",
    "A = v\nB: w\n",
    "A= # c\nB=#c\nC_1=x#c\nNAME=x #c\n",
    'A="\\012|\\0101|\\0|\\0777|\\0377|\\08|\\x41"\n',
    "A=${HOST:-${NONE-x}} ${NONE:-${A}}}\n",
    "A=${NONE-{}}\nB=1\n",
    "A=${NONE:?no}\n",
    "A=${\n",
    "A='${NONE:-x}'\nB=\"${NONE:-x}\"\nC_1=\\$A\n",
    "A=$$A $A\n",
    "A=$(echo x) `echo x` $((1))\n",
    f"A={'x' * 65_533}\nB=1\n",
    f"A={'x' * 65_534}\nB=1\n",
    f"A={'x' * 65_533}",
    f"A={'x' * 65_534}",
    f"A={'x' * 65_532}\r\n",
    f"A={'é' * 32_766}x\nB=1\n",
    "A=1\n\nB='a\n\nb'\n#c\nC_1=3",
    "*",  # podman has a TMPDIR of its own
    "TMPDIR\n",
]


@pytest.mark.parametrize(("name", "reader"), PROGRAMS)
def test_known_traps_are_read_as_the_program_reads_them(name: str, program: Any) -> None:
    """Every text that once was read otherwise, and the documented oddities, one by one."""
    _compare(name, program, EXAMPLES, most_fatal=len(EXAMPLES))


@pytest.mark.parametrize(("name", "reader"), PROGRAMS)
def test_all_short_strings_arrive_or_cannot_be_spelled(name: str, program: Any) -> None:
    """Every string of up to three hostile characters arrives; what is refused holds a line break in a raw format."""
    alphabet = "a'\"\\$#{} \n\r`"
    every = ["".join(letters) for length in range(4) for letters in itertools.product(alphabet, repeat=length)]
    carried = _carried(name, every)
    refused = [value for number, value in enumerate(every) if f"V{number}" not in carried]
    raw = name in {"docker", "compose-raw", "podman", "kubectl"}
    assert all("\n" in value for value in refused) if raw else not refused
    assert program.see([channel(name).write(carried)], [False]) == [carried]


@pytest.mark.needs(COMPOSE_2["2.26"])
@pytest.mark.parametrize("binary", COMPOSE_2.values())
def test_a_projects_env_file_delivers_through_interpolation(binary: str, tmp_path: Path) -> None:
    """What `compose` writes to `.env` arrives where a compose file says ${NAME}; $(…) in it runs nothing."""
    hostile = ['it\'s "q"', "$HOME ${HOME} $$", "a\\", " # x ", "$(touch ran) `touch ran`", "l1\nl2\r\n", "🔑", ""]
    carried = {f"V{number}": value for number, value in enumerate(hostile)}
    (tmp_path / ".env").write_bytes(channel("compose").write(carried).encode())
    services = {"s": {"image": "x", "environment": {name: f"${{{name}}}" for name in carried}}}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))
    command = [binary, "-p", "x", "config", "--format", "json"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, env=environ, cwd=tmp_path, check=True)
    found = json.loads(done.stdout.replace(b"$$", b"$"))["services"]["s"]["environment"]
    assert found == carried
    assert not (tmp_path / "ran").exists()


def _compare(name: str, program: Any, texts: list[str], most_fatal: int) -> None:
    readings = [channel(name).read(text, ENVIRON) for text in texts]
    fatal = [number for number, reading in enumerate(readings) if reading.fatal]
    skipped = set(fatal[most_fatal:])
    kept = [number for number in range(len(texts)) if number not in skipped]
    seen = program.see([texts[number] for number in kept], [readings[number].fatal for number in kept])
    for number, found in zip(kept, seen, strict=True):
        reading = readings[number]
        ours = None if reading.fatal else {key: value for key, value in reading.values().items() if value is not None}
        assert ours == found, f"{texts[number]!r}"
        assert not reading.fatal or reading.findings
