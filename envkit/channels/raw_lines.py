"""The lines of env files that keep all after the `=` as it stands: docker, podman, kubectl, Compose's raw format.

All four read with Go's `bufio.Scanner` and `ScanLines` (go.dev, package bufio): a line ends at LF, one CR before the
LF is dropped, and a line of 64 KiB or more stops the scan.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envkit.channels.channel import Refusal
from envkit.channels.refusals import refuse_not_text, refuse_too_long
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_LINE = 65_535
"""Bytes before the LF; `bufio.MaxScanTokenSize` is 64 KiB and counts the LF."""

GO_SPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""The characters for which Go's `unicode.IsSpace` is true."""

_NOT_UTF8 = re.compile("[\ud800-\udfff]")


class Lines(NamedTuple):
    """What the scanner hands out before it stops."""

    lines: list[str]
    too_long: bool
    """The line after these is longer than the scanner takes."""
    not_utf8: int | None
    """Index in `lines` of the first line that is not UTF-8 (read with surrogateescape), if any."""


def scan(text: str) -> Lines:
    """The lines of `text` as Go's scanner returns them."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    too_long = next((index for index, line in enumerate(lines) if _is_too_long(line)), None)
    if too_long is not None:
        del lines[too_long:]
    not_utf8 = None
    if _NOT_UTF8.search(text):
        not_utf8 = next((index for index, line in enumerate(lines) if _NOT_UTF8.search(line)), None)
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    return Lines(lines, too_long is not None, not_utf8)


def write(settings: Mapping[str, str]) -> str:
    """One ``NAME=value`` a line; a CR at the end of a value is written twice, because the reader drops one."""
    return "".join(
        [f"{name}={value}\r\n" if value[-1:] == "\r" else f"{name}={value}\n" for name, value in settings.items()]
    )


def refuse(name: str, value: str) -> Refusal | None:
    """Why a raw line cannot hold `value`, or None if it can."""
    if "\n" in value:
        return Refusal(
            "the value has a line break, and this format ends a value at the end of the line",
            f"put the value into a file and set {name}_FILE to its path, or take another channel",
        )
    unprintable = refuse_not_text(value)
    if unprintable is not None:
        return unprintable
    longest = LONGEST_LINE - (value[-1:] == "\r")
    return refuse_too_long(name, value, longest, "a line of this format")


def too_long(lines: Lines, problem: str) -> Finding:
    """The finding for the line at which the scanner stops."""
    return Finding(f"line {len(lines.lines) + 1}", "", problem, "keep the value in a file", rule="line-too-long")


def _is_too_long(line: str) -> bool:
    # A character has four bytes at most, so that short lines are never encoded.
    return len(line) * 4 > LONGEST_LINE and len(line.encode("utf-8", "surrogatepass")) > LONGEST_LINE
