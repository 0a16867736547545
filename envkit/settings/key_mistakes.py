"""What people give in place of a private key, told by its look, so that the message can say what to do."""

from __future__ import annotations

import re

from envkit.settings.key_faults import Fault


def name_mistake(text: str) -> Fault:
    """Says what a text without any known BEGIN and END line probably is; never repeats a part of it."""
    text = text.strip().strip("\"'").strip()
    for pattern, fault in _MISTAKES:
        if pattern.search(text):
            return fault
    return Fault(
        "there is neither a BEGIN line nor base64 of a whole key",
        r"give a private key in PEM, OpenSSH or PGP armour; write newlines as \n",
    )


_FROM_FILE = "to read the key from a file, add _FILE to the setting's name and give the path"
_MISTAKES = (
    (
        re.compile(r"\APuTTY-User-Key-File"),
        Fault("this is a key in PuTTY's format", "convert it by puttygen KEY.ppk -O private-openssh"),
    ),
    (
        re.compile(r"\A(ssh-(rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-(ssh|ecdsa)-\S+) "),
        Fault("this is a public key", "give the private key: the file without .pub"),
    ),
    (
        re.compile(r"\AAGE-SECRET-KEY-", re.IGNORECASE),
        Fault("this is an age identity, not a key in PEM, OpenSSH or PGP armour", "declare the setting as Secret"),
    ),
    (
        re.compile(r"\A\$|\A%\w+%\Z"),
        Fault("this is a reference that nothing expanded", "give the key itself, or a path by NAME_FILE"),
    ),
    (
        re.compile(
            r"\A(~|\.{0,2}/|[A-Za-z]:[\\/]|file:|@)[^\n]{0,4096}\Z|\A[\w./\\-]{1,255}\.(pem|key|asc|gpg|p8|ppk|txt)\Z"
        ),
        Fault("this looks like the path of a file, not a key", _FROM_FILE),
    ),
    (
        re.compile(
            r"\A[^\n]{0,80}\bBEGIN\b[^\n]{0,80}\bEND\b[^\n]{0,80}\Z|\A(<[^\n]{1,80}>|\.{3}|…|x{3,}|changeme)\Z",
            re.IGNORECASE,
        ),
        Fault("this is a placeholder, not a key", "give the private key"),
    ),
    (
        re.compile(r"BEGIN [A-Za-z0-9 ]{1,40}-"),
        Fault(
            "the BEGIN line names no kind of private key that is known",
            "give a private key in PEM, OpenSSH or PGP armour",
        ),
    ),
)
