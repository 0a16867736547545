"""Exporting and linting 10,000 settings, and how much longer that takes than 1,000: linear work takes ten times."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.ratios import medians, report
from envkit.channels.linting import lint_text
from envkit.channels.registry import channel
from envkit.channels.respelling import rewrite
from envkit.operations.exporting import export, outgoing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envkit.operations.exporting import Outgoing

FEW, MANY = 1_000, 10_000
LONGEST = 1.0
"""Seconds that exporting or linting MANY settings may take."""
READERS = ("dotenv", "docker", "compose", "systemd", "shell", "node")
EXPORTED = (*READERS, "github", "kubernetes", "json")


def main() -> None:
    """Measures each channel's export, and lint with its usual readers."""
    few, many = _outgoing(FEW), _outgoing(MANY)
    calls = {name: partial(export, channel(name), many) for name in EXPORTED}
    _report(f"Export of {MANY:,} settings", calls, {name: partial(export, channel(name), few) for name in EXPORTED})
    readers = [channel(name) for name in READERS]
    texts = {"clean": _clean, "one line in ten disputed": _mixed, "every line disputed": _disputed}
    _report(
        f"Lint of {MANY:,} settings for {', '.join(READERS)}",
        {name: partial(lint_text, ".env", make(MANY), readers) for name, make in texts.items()},
        {name: partial(lint_text, ".env", make(FEW), readers) for name, make in texts.items()},
    )
    _report(
        f"Lint --fix of {MANY:,} settings",
        {name: partial(rewrite, make(MANY), readers) for name, make in texts.items()},
        {name: partial(rewrite, make(FEW), readers) for name, make in texts.items()},
        promised=False,
    )


def _report(
    title: str, many: Mapping[str, partial[Any]], few: Mapping[str, partial[Any]], *, promised: bool = True
) -> None:
    times = medians({f"{name}, {MANY:,}": call for name, call in many.items()}, rounds=5)
    small = medians({f"{name}, {FEW:,}": call for name, call in few.items()}, rounds=5)
    worst = max(many, key=lambda name: times[f"{name}, {MANY:,}"])
    report(
        title,
        {**times, f"{LONGEST:g} s": LONGEST},
        to=f"{LONGEST:g} s",
        bars=dict.fromkeys(times, 1.0) if promised else {},
    )
    grown = times[f"{worst}, {MANY:,}"] / small[f"{worst}, {FEW:,}"]
    print(f"  ten times the settings take {grown:.1f} times as long ({worst})")


def _outgoing(count: int) -> Outgoing:
    """What `envkit export --all` takes from a `.env` of so many lines."""
    from envkit import Settings, load_settings

    class Few(Settings):
        setting_0: str

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_text(_mixed(count), encoding="utf-8")
        return outgoing(load_settings(Few, env_files=file, environ={}), everything=True)


def _clean(count: int) -> str:
    return "".join(f"SETTING_{number}=value{number}abcdef\n" for number in range(count))


def _mixed(count: int) -> str:
    return "".join(
        f"SETTING_{number}='the value {number}'\n" if number % 10 == 0 else f"SETTING_{number}=value{number}abcdef\n"
        for number in range(count)
    )


def _disputed(count: int) -> str:
    return "".join(f"export SETTING_{number}='the \"value\" {number}' # why\n" for number in range(count))


if __name__ == "__main__":
    main()
