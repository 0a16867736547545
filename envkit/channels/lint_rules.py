"""What lint looks for: each rule's stable name and the sentence that explains it."""

from __future__ import annotations

RULES = {
    "unclosed-quote": "a quote that does not close: shells and systemd take the lines that follow into the value",
    "swallowed-line": "a quote on an earlier line swallows this one for some readers",
    "export": "docker and kubectl refuse export, and systemd ignores such a line",
    "blank-around-equals": "shells run a command where a blank stands beside the =, and docker refuses one before it",
    "inline-comment": "docker, podman and systemd take a comment into the value, and others cut a # out of it",
    "expands": "some readers replace $ references or run what stands in backticks, others keep them",
    "line-break": "readers of raw lines end a value at the end of its line",
    "escape": "readers do not agree which backslashes are escapes",
    "quotes": "docker, podman and kubectl keep quotes as a part of the value",
    "trailing-blank": "docker, podman and kubectl keep blanks at the end of a line as a part of the value",
    "quote-inside": "a quote inside a value without quotes begins a quoted text for shells",
    "blank-inside": "shells run what follows a blank as a command",
    "special-character": "a character of this value means something to some readers",
    "malformed": "not an assignment NAME=value; most readers skip such a line without a word",
    "bare-name": "a name without = takes its value from the environment of docker, podman, kubectl and Compose",
    "readers-differ": "two readers see different values",
    "line-ends": "shells keep the CR of CR LF as a part of the value, and a lone CR ends a line for some readers only",
    "byte-order-mark": "a byte order mark becomes a part of the first name for shells, systemd and podman",
    "not-utf-8": "not UTF-8, which every reader expects",
    "duplicate-name": "a name is set twice: the last value wins, except in kubectl, which refuses the file",
    "invalid-name": "a name that a shell cannot hold: letters, digits and _ are taken everywhere, with no digit first",
    "reserved-name": "a name that a shell keeps for itself",
    "unescaped-key": "a private key that goes on over lines which no reader takes for a part of it",
    "readable-by-others": "other users of the machine can read a file that holds secrets",
    "tracked-by-git": "git tracks a file that holds secrets",
    "unknown-setting": "a name that the settings class does not declare",
    "missing-setting": "a setting without a default that no file sets",
}
