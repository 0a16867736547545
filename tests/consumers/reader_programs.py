"""The real programs that read env files on a server and in Node.js apps: from texts to what each sees."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOOLS = Path(__file__).parents[2] / ".tools" / "npm" / "node_modules"
"""Where tests/set-up.d/consumers-readers puts node and its packages."""

NODES = {version: str(TOOLS / f"node{version}" / "bin" / "node") for version in ("20", "22", "24")}

SHELLS = {
    "bash": ("/bin/bash",),
    "dash": ("/bin/dash",),
    "ash": ("/bin/busybox", "ash"),
    "mksh": ("/bin/mksh",),
    "zsh": ("/bin/zsh", "-f"),
}

SYSTEMD_LIBRARY = "/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so"

_JAVASCRIPT = """
const functions = {
  parseEnv: text => require('util').parseEnv(text),
  dotenv16: text => require(ROOT + 'dotenv16').parse(text),
  dotenv17: text => require(ROOT + 'dotenv17').parse(text),
  dotenv18: text => require(ROOT + 'dotenv18').parse(text),
  dotenv18fast: text => require(ROOT + 'dotenv18').parse(text, {fast: true}),
  foreman: text => {
    const envs = require(ROOT + 'foreman/lib/envs.js')
    let found
    try { found = envs.flattenJSON(JSON.parse(text)) } catch (e) { found = envs.keyValue(text) }
    // A process is given texts.
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, `${value}`]))
  },
}
const each = (name, text) => { try { return Object.entries(functions[name](text)) } catch (e) { return null } }
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const {names, texts} = JSON.parse(line)
  console.log(JSON.stringify(texts.map(text => names.map(name => each(name, text)))))
})
"""

Seen = dict[str, str] | None
"""The variables by name, or None where the program stopped with an error."""


class Node:
    """A node of one version that stays, and answers one line of JSON by another."""

    def __init__(self, version: str) -> None:
        script = f"const ROOT = {json.dumps(str(TOOLS) + '/')};{_JAVASCRIPT}"
        self.process = subprocess.Popen([NODES[version], "-e", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def see(self, texts: Sequence[str], *functions: str) -> list[list[Seen]]:
        """For each text what each of the functions sees in it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = json.dumps({"names": functions, "texts": texts})
        self.process.stdin.write(f"{request}\n".encode())
        self.process.stdin.flush()
        answers = json.loads(self.process.stdout.readline())
        return [[None if pairs is None else dict(pairs) for pairs in answer] for answer in answers]

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()


class Shell:
    """A shell that sources each file in a subshell of its own, and prints some variables with builtins only."""

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.command = SHELLS[name]
        self.folder = folder
        # No program can be run by its name: what a file runs by mistake is not there.
        self.environ = {"PATH": "/nonexistent", "HOME": str(folder), **environ}
        self.print = "print -nr --" if name == "mksh" else "printf %s"

    def see(self, texts: Sequence[str], names: Sequence[str]) -> list[Seen]:
        """The values of `names` (those that are set) after each text; None where the shell stopped."""
        self._write(texts)
        # Characters that no text of the tests holds stand between the answers.
        shown = "".join(f'{self.print} "\x1e{name}\x1f${{{name}-\x1d}}"\n' for name in names)
        inner = f"set -a\n. ./$1.env >/dev/null 2>&1\n{self.print} '\x02'\n{shown}"
        (self.folder / "inner").write_text(inner, encoding="utf-8")
        # bash 5.2 needs a process for each: a subshell of it ends with a sourced file whose last line is A=1;command.
        each = "/bin/bash ./inner $1" if self.command[0] == "/bin/bash" else f"(\n{inner})"
        script = f"while [ $# -gt 0 ]; do\n{each} </dev/null 2>/dev/null\n{self.print} '\x03'\nshift\ndone\n"
        answers = self._run(script, len(texts)).split("\x03")[:-1]
        seen: list[Seen] = []
        for answer in answers:
            _, reached, variables = answer.partition("\x02")
            pairs = (pair.split("\x1f") for pair in variables.split("\x1e")[1:])
            seen.append({name: value for name, value in pairs if value != "\x1d"} if reached else None)
        return seen

    def environment(self, text: str) -> dict[bytes, bytes]:
        """The whole environment of a program started after sourcing the text."""
        self._write([text])
        out = self._run("set -a\n. ./0.env\nset +a\nexec /usr/bin/env -0\n", 1, checked=True)
        pairs = (variable.encode("utf-8", "surrogateescape").partition(b"=") for variable in out.split("\0")[:-1])
        return {name: value for name, _, value in pairs}

    def _write(self, texts: Sequence[str]) -> None:
        for number, text in enumerate(texts):
            (self.folder / f"{number}.env").write_bytes(text.encode())

    def _run(self, script: str, count: int, *, checked: bool = False) -> str:
        path = self.folder / "script"
        path.write_text(script, encoding="utf-8")
        done = subprocess.run(
            [*self.command, str(path), *map(str, range(count))],
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            check=False,
            timeout=300,
        )
        if checked:
            assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode("utf-8", "surrogateescape")


class SystemdParser:
    """systemd's own load_env_file, and the removal of invalid variables that PID 1 does behind it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "systemd.env"
        self.library = ctypes.CDLL(SYSTEMD_LIBRARY)
        self.library.log_set_max_level(0)
        strings = ctypes.POINTER(ctypes.c_char_p)
        self.library.strv_env_clean_with_callback.restype = strings
        self.library.strv_env_clean_with_callback.argtypes = [strings, ctypes.c_void_p, ctypes.c_void_p]
        self.library.strv_free.argtypes = [strings]
        self.strings = strings

    def see(self, text: bytes) -> dict[bytes, bytes] | None:
        """The variables a unit would get, or None where it would not start."""
        self.path.write_bytes(text)
        found = self.strings()
        if self.library.load_env_file(None, os.fsencode(self.path), ctypes.byref(found)) < 0:
            return None
        seen: dict[bytes, bytes] = {}
        if found:
            self.library.strv_env_clean_with_callback(found, None, None)
            for variable in found:
                if variable is None:
                    break
                name, _, value = variable.partition(b"=")
                seen[name] = value
            self.library.strv_free(found)
        return seen


_UNIT = """\
[Service]
Type=oneshot
EnvironmentFile={file}
ExecStart=/usr/bin/env -0
StandardOutput=truncate:{out}
"""

_BOOT = """\
set -e
mount --make-rprivate /
umount -l /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$1"
echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system
exec 3<>"$2/unused"
/lib/systemd/systemd --user --unit=all.target &
wait
"""


def systemd_manager(folder: Path, texts: Sequence[str]) -> list[dict[bytes, bytes] | None]:
    """What services of a real service manager get, each text being the EnvironmentFile= of one; None: not started.

    The manager runs as a user's one, in namespaces of its own: it needs root, and neither an image nor a boot.
    """
    units = folder / "units"
    units.mkdir()
    names = [f"unit{number}" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        (folder / f"{name}.env").write_bytes(text.encode("utf-8", "surrogateescape"))
        unit = _UNIT.format(file=folder / f"{name}.env", out=folder / f"{name}.out")
        (units / f"{name}.service").write_text(unit)
    services = " ".join(f"{name}.service" for name in names)
    done = f"[Service]\nType=oneshot\nExecStart=/usr/bin/touch {folder}/done\n[Unit]\nAfter={services}\n"
    (units / "done.service").write_text(done)
    (units / "all.target").write_text(f"[Unit]\nWants={services} done.service\n")
    (folder / "runtime").mkdir(mode=0o700)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder / "runtime"),
        "SYSTEMD_UNIT_PATH": str(units),
        "SYSTEMD_LOG_LEVEL": "emerg",
    }
    group = f"envkit-tests-{os.getpid()}"
    spaces = ("unshare", "--mount", "--cgroup", "--pid", "--fork", "--mount-proc", "--kill-child")
    ends_with_us = ("setpriv", "--pdeathsig", "KILL")
    manager = subprocess.Popen([*ends_with_us, *spaces, "/bin/sh", "-c", _BOOT, "sh", group, str(folder)], env=environ)
    try:
        _wait_for(folder / "done", manager)
    finally:
        manager.kill()
        manager.wait(timeout=30)
    return [_variables(folder / f"{name}.out") for name in names]


def _wait_for(path: Path, manager: subprocess.Popen[bytes]) -> None:
    import time

    for _ in range(600):
        if path.exists():
            return
        if manager.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError("the service manager did not start the services")


def _variables(path: Path) -> dict[bytes, bytes] | None:
    if not path.exists() or not path.stat().st_size:
        return None
    pairs = (variable.partition(b"=") for variable in path.read_bytes().split(b"\0")[:-1])
    return {name: value for name, _, value in pairs}
