"""Private keys as they arrive through a channel: decoded, repaired where only one reading is possible, and validated.

The normal form of a key is its own armour with LF line ends and exactly one final newline. It is what ``cryptography``,
``openssl``, ``gpg --import`` and ``ssh-keygen`` read, and reading it again changes nothing. All of these lead there:

- the text as it is, with LF, CR LF or CR line ends, a byte order mark, quotes or other text around it;
- the escaped form of `envkit.channels.escape`, whole or only its newlines, also escaped several times;
- base64 of the whole text (standard or URL alphabet, with or without line breaks and padding);
- text whose newlines became spaces, were dropped, or lost their backslash, if exactly one reading is a whole key.

PGP armour headers are free text: a backslash before ``n``, ``r``, ``-`` or a backslash means itself where the lines of
the key are there, and is decoded where they are escaped.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from envkit.settings.key_contents import PRIVATE_KINDS, base64_bytes, contents_fault


class KeyText(NamedTuple):
    """A private key that is whole."""

    text: str
    """The normal form."""
    kind: str
    """The label, such as ``RSA PRIVATE KEY``."""
    repairs: tuple[str, ...] = ()
    """What was done to reach the normal form: short phrases without any content of the key."""

    def __repr__(self) -> str:
        """Shows the kind and the repairs, never the key."""
        return f"KeyText(kind={self.kind!r}, repairs={self.repairs!r})"


class KeyProblem(ValueError):  # noqa: N818 - it carries a problem and a hint, the words of a finding
    """A value that is not one whole private key. Neither message nor cause holds any content of the value."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem, hint)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        from envkit.findings import Finding

        return str(Finding("", "", self.problem, self.hint))


def read_private_key(raw: str) -> KeyText:
    """Decodes and validates a private key, whatever its channel did to it.

    Args:
        raw: the value of a setting that is declared to be a private key, or the text of a file.

    Returns:
        The key in normal form, with the repairs that were needed.

    Raises:
        KeyProblem: the value is not a private key, is damaged, or can be read in more than one way.
    """
    key = _well_formed(raw)
    if key is not None:
        return key
    from envkit.settings.key_decoding import decode_key

    outcome = decode_key(raw)
    if isinstance(outcome, KeyText):
        return outcome
    raise KeyProblem(outcome.problem, outcome.hint)


@lru_cache(maxsize=8)  # loading again what was checked before need not check again; it lives as long as the settings
def _well_formed(raw: str) -> KeyText | None:
    """The common case, read in one pass: regular PEM or OpenSSH armour without headers, as it is or escaped."""
    text = raw
    repairs: tuple[str, ...] = ()
    if "\\" in raw:
        if "\n" in raw:
            return None
        lines_back = raw.replace("\\n", "\n")
        text = lines_back.replace("\\-", "-")
        repairs = (escapes_decoded(dashes=len(text) != len(lines_back)),)
    kind = text[11 : text.find("-----", 11)]
    head, tail = f"-----BEGIN {kind}-----\n", f"\n-----END {kind}-----"
    if kind not in PRIVATE_KINDS or kind.startswith("PGP ") or not text.startswith(head):
        return None
    body = text[len(head) : -len(tail)] if text.endswith(tail) else text[len(head) : -len(tail) - 1]
    if text not in {f"{head}{body}{tail}", f"{head}{body}{tail}\n"}:
        return None
    lines = body.split("\n")
    width = len(lines[0])
    if width > 76 or not 0 < len(lines[-1]) <= width or not {width}.issuperset(map(len, lines[:-1])):
        return None
    data = base64_bytes("".join(lines))
    if data is None or contents_fault(kind, data):
        return None
    return KeyText(f"{head}{body}{tail}\n", kind, repairs)


def escapes_decoded(*, dashes: bool) -> str:
    """The repair's phrase."""
    return "escaped dashes and newlines decoded" if dashes else "escaped newlines decoded"
