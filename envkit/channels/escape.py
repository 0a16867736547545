r"""The escape codec: any text as one line without a dash at its start, and back.

It carries private keys through channels that lose line breaks (`.env` files, ``docker --env-file``) or that take a
value beginning with a dash for an option (the Inertia command line):

========== =======
character  written
========== =======
backslash  ``\\``
line feed  ``\n``
CR         ``\r``
dash       ``\-``
========== =======
"""

from __future__ import annotations

import re


def escape(text: str) -> str:
    """Writes `text` on one line, with a backslash before every dash and every backslash.

    Args:
        text: any string.

    Returns:
        Text without line feed and carriage return, in which every dash follows a backslash; `unescape` reverses it.
    """
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("-", "\\-")


def unescape(text: str) -> str:
    r"""Reads what `escape` wrote, and what people write by hand.

    The recipe for hands, «a backslash before every dash, every newline as ``\n``, nothing else», decodes to the
    original wherever that holds no backslash. Every key is so, but for the text of PGP armour headers: there a
    backslash before ``n``, ``r``, ``-`` or another backslash has two readings, and this codec's is taken.

    Args:
        text: any string. A pair that `escape` never writes, such as ``\q``, and a lone final backslash stay as they
            are, so text without the four pairs is its own decoding.

    Returns:
        The decoded text; ``unescape(escape(text)) == text`` for every string.
    """
    if "\\" not in text:
        return text
    return _PAIR.sub(lambda pair: _MEANING[pair[1]], text)


_MEANING = {"\\": "\\", "n": "\n", "r": "\r", "-": "-"}
_PAIR = re.compile(r"\\([\\nr-])")
