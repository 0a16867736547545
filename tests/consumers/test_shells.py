"""What is written for a shell to source or run, and what is read of such files, judged by five shells."""

from __future__ import annotations

import itertools
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from envkit.channels import heroku, inertia, shell
from envkit.channels.shell_names import NUMBERS, OWN
from envkit.channels.shell_words import quote
from tests.channels.strategies import ENVIRON, NAMES, env_texts, long_values, values
from tests.consumers.reader_programs import SHELLS, Shell

if TYPE_CHECKING:
    from pathlib import Path

    from envkit.channels.channel import Channel

_EFFORT = settings.default.max_examples / 200  # 1, and 100 for HYPOTHESIS_PROFILE=thorough


def _examples(count: int) -> Any:
    """`count` examples in the default profile; the fixture's folder is reused by all of them on purpose."""
    return settings(
        max_examples=max(1, round(count * _EFFORT)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


_EACH = [pytest.param(name, id=name, marks=pytest.mark.needs(command[0])) for name, command in SHELLS.items()]
_POSIX = [param for param in _EACH if param.id != "zsh"]


@pytest.fixture
def sourcing(name: str, tmp_path: Path) -> Shell:
    """The shell called `name`, with `ENVIRON` as its environment."""
    return Shell(name, tmp_path, ENVIRON)


@pytest.mark.parametrize("name", _EACH)
def test_every_value_arrives_byte_for_byte(sourcing: Shell) -> None:
    """2,000 values, 100 to a file, and 40 long ones reach a program that the shell starts, as bytes."""

    def check(drawn: list[str]) -> None:
        written = {f"V{number}": value for number, value in enumerate(drawn)}
        assert all(shell.CHANNEL.refuse(name, value) is None for name, value in written.items())
        found = sourcing.environment(shell.CHANNEL.write(written))
        assert {name: found.get(name.encode()) for name in written} == {
            name: value.encode() for name, value in written.items()
        }

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


TRAPS = [
    "",
    "A=1",
    "A=my value\nB=1\n",
    "A = v\nB=1\n",
    "export A=1\nexport B\nexport C_1='x y' NAME=\"z\"\n",
    "A=it's\nB=don't\nC_1=1\n",
    "A='it'\\''s'\nB=\"a\\\"b\\n\\$A\\`\"\n",
    "A=a\\nb\\\nc\nB=\\-\n",
    "A=x#y\nB=x #y\n#C_1=1\n;A=1\n",
    "A=1; B=2;C_1=$A$B;\n",
    "A=$HOST\nB=${HOST}x\nC_1=${NONE:-y}${EMPTY-y}${EMPTY:+z}${A+w}\n",
    "A=$$A $A\n",
    "A=~\nB=~/x:~\nC_1=x:~\nNAME=\\~ _X='~'\n",
    "A=$(echo x)\nB=`echo x`$A\nC_1=1\n",
    "A=1\nA=$(date)\n",
    'A="$(\nB=1\n',
    "A=$'x'\n",
    "A+=x\n",
    "A=(x y)\n",
    "A[0]=x\n",
    "A=1 B=$A\n",
    "A=1 export B=2\n",
    "A=1\r\nB=2\r\n\r\n",
    "\ufeffA=1\nB=2\n",
    "UID=5\nA=1\n",
    "A=x\\",
    "A=\"x\\\ny\"\nB='x\\\ny'\n",
    "A\\\n=1\n",
    "A=${NONE?gone}\nB=1\n",
    "A=1 && B=2\n",
    "exit\nA=1\n",
    "A=<x\n",
    "{A=1\n",
    "A=$NONE\\\nA\n",
    "A=*\nB=[a]?\nC_1={x,y}\n",
    "export A=~ B=*\n",
    'A="""x"\'\'\n',
    ":\nA=1\n",
    "A=\x01\x81é\x88中\x7f\n",
    'A="a\nb\n\nc"\nB=1\n',
]
"""Texts that once were read otherwise, and the documented oddities."""


@pytest.mark.parametrize("name", _POSIX)
def test_a_text_is_read_as_the_shell_reads_it(name: str, sourcing: Shell) -> None:
    """2,000 texts and all known traps: what we say is what the shell has, and it stops where we say that it must.

    Where we say that a value or the rest of the file cannot be told, nothing is claimed; the next test shows how much
    is told.
    """
    names = (*NAMES, "HOST", "EMPTY")

    @_examples(20)
    @given(st.lists(env_texts, min_size=100, max_size=100))
    @example(TRAPS)
    def reads_alike(texts: list[str]) -> None:
        # The answers of the shell are told apart by control characters.
        texts = [text for text in texts if not {"\x02", "\x03", "\x1d", "\x1e", "\x1f"} & set(text)]
        for text, seen in zip(texts, sourcing.see(texts, names), strict=True):
            reading = shell.CHANNEL.read(text, ENVIRON)
            if reading.fatal:
                assert reading.findings
                # bash and mksh go on with their own script after a syntax error in a file that is sourced.
                must_stop = reading.findings[-1].rule == "syntax-error" and name in {"dash", "ash"}
                assert not (must_stop and seen), repr(text)
                continue
            assert seen is not None, repr(text)
            untold = {finding.name for finding in reading.findings if finding.severity == "error"}
            ours = {**ENVIRON, **reading.values()}
            wanted = {key: ours[key] for key in names if key in ours and key not in untold}
            assert {key: value for key, value in seen.items() if key not in untold} == wanted, repr(text)

    reads_alike()


def test_little_is_left_untold() -> None:
    """Of 1,000 files of NAME=value lines, nine in ten values that need no command are told."""
    told = asked = 0

    @_examples(10)
    @given(st.lists(st.text("ab1 '\"\\-_./:@%+,=#\t\n", max_size=10), min_size=100, max_size=100))
    def count(drawn: list[str]) -> None:
        nonlocal told, asked
        for value in drawn:
            for spelling in (quote(value), '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'):
                asked += 1
                told += shell.CHANNEL.read(f"A={spelling}\n").values() == {"A": value}

    count()
    assert told >= 0.9 * asked


@pytest.mark.needs(*(command[0] for command in SHELLS.values()))
def test_refused_names_are_lost_in_some_shell_and_no_others_are(tmp_path: Path) -> None:
    """Each name that is refused is lost, changed or fatal in a shell; all other names that shells know arrive."""
    known = subprocess.run(["/bin/bash", "-c", "compgen -v"], capture_output=True, text=True, check=True).stdout.split()
    listed = "zmodload zsh/parameter; print -l ${(k)parameters}"
    known += subprocess.run(["/bin/zsh", "-fc", listed], capture_output=True, text=True, check=True).stdout.split()
    known = sorted({name for name in known if name.isidentifier()} | OWN | NUMBERS)
    lost = set()
    for kind in SHELLS:
        # The shell that started the tests may have exported some of these.
        sourcing = Shell(kind, tmp_path, {})
        for name in known:
            text = f"BEFORE=1\n{name}='x y z'\nAFTER=1\n"
            seen = _environment(sourcing, text)
            if (seen.get(name), seen.get("BEFORE"), seen.get("AFTER")) != ("x y z", "1", "1"):
                lost.add(name)
    refused = {name for name in known if shell.CHANNEL.refuse(name, "x y z")}
    assert refused == lost
    assert all(shell.CHANNEL.refuse(name, "12") is None for name in NUMBERS)


def _environment(sourcing: Shell, text: str) -> dict[str, str]:
    (sourcing.folder / "one.env").write_text(text, encoding="utf-8")
    (sourcing.folder / "one").write_text("set -a\n. ./one.env\n/usr/bin/env -0\n", encoding="utf-8")
    command = [*sourcing.command, str(sourcing.folder / "one")]
    done = subprocess.run(command, env=sourcing.environ, cwd=sourcing.folder, capture_output=True, check=False)
    pairs = (variable.partition("=") for variable in done.stdout.decode().split("\0")[:-1])
    return {name: value for name, _, value in pairs}


_STUB = """\
#!/bin/sh
printf '%s\\0' "$@" >>"$OUT"
printf '\\036' >>"$OUT"
"""


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A folder with programs `inertia` and `heroku` that only note down their arguments."""
    for program in ("inertia", "heroku"):
        path = tmp_path / program
        path.write_text(_STUB, encoding="utf-8")
        path.chmod(0o755)
    return tmp_path


def _arguments(stubs: Path, script: str, kind: str) -> list[list[bytes]]:
    """The arguments of each command that the script runs."""
    out = stubs / "out"
    out.unlink(missing_ok=True)
    (stubs / "script").write_bytes(script.encode())
    environ = {"PATH": f"{stubs}:{os.environ['PATH']}", "OUT": str(out), "REMOTE": "production"}
    done = subprocess.run([*SHELLS[kind], str(stubs / "script")], env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    if not out.exists():
        return []
    return [command.split(b"\0")[:-1] for command in out.read_bytes().split(b"\x1e")[:-1]]


@pytest.mark.parametrize("name", _EACH)
def test_commands_for_inertia_get_each_value_byte_for_byte(name: str, stubs: Path) -> None:
    """200 values, 20 to a script (each is a process), arrive behind `--`, where no option is looked for."""

    @_examples(10)
    @given(st.lists(st.one_of(values, st.sampled_from(["-", "--", "-e", "--debug", "-5"])), min_size=20, max_size=20))
    def arrives(drawn: list[str]) -> None:
        drawn = [value for value in drawn if "\x1e" not in value]
        written = {
            f"V{number}": value
            for number, value in enumerate(drawn)
            if inertia.CHANNEL.refuse(f"V{number}", value) is None
        }
        script = inertia.CHANNEL.write(written)
        wanted = [
            [b"production", b"env", b"set", b"--", name.encode(), value.encode()] for name, value in written.items()
        ]
        assert _arguments(stubs, script, name) == wanted
        assert inertia.CHANNEL.read(script).values() == written

    arrives()


@pytest.mark.parametrize("name", _EACH)
def test_the_command_for_heroku_gets_each_value_byte_for_byte(name: str, stubs: Path) -> None:
    """1,000 values, 50 to a command, arrive as one argument NAME=value each."""

    @_examples(20)
    @given(st.lists(values, min_size=50, max_size=50))
    def arrives(drawn: list[str]) -> None:
        drawn = [value[:400] for value in drawn if "\x1e" not in value]
        written = {f"V{number}": value for number, value in enumerate(drawn)}
        script = heroku.CHANNEL.write(written)
        wanted = [[b"config:set", *(f"{name}={value}".encode() for name, value in written.items())]] if written else []
        assert _arguments(stubs, script, name) == wanted
        assert heroku.CHANNEL.read(script).values() == written

    arrives()


@pytest.mark.parametrize("channel", [shell.CHANNEL, heroku.CHANNEL], ids=["shell", "heroku"])
def test_all_short_hostile_values_are_carried(channel: Channel) -> None:
    """No value of up to three hostile characters is refused."""
    every = itertools.chain.from_iterable(itertools.product("a'\"\\$#{}` \n\r~!", repeat=length) for length in range(4))
    assert not [value for letters in every if channel.refuse("V", value := "".join(letters))]
