"""What a team may be called, whoever names it."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 80
"""Characters."""


class UnfitNameError(ValueError):
    """The text is no name for a team; the message says why, to the person who typed it."""


def team_name(text: str) -> str:
    """The name as it is kept: composed characters, single spaces.

    Raises:
        UnfitNameError: it is empty, too long, or holds control characters or lone surrogates.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    kinds = [unicodedata.category(character) for character in name]
    # Cc: control characters; Cs: lone surrogates, which JSON can bring and UTF-8 cannot write.
    if "Cc" in kinds or "Cs" in kinds:
        raise UnfitNameError("The name holds a character that cannot be shown.")
    if not any(kind[0] in "LNPS" for kind in kinds):
        raise UnfitNameError("Enter a name for the team.")
    if len(name) > LONGEST_NAME:
        raise UnfitNameError(f"Use at most {LONGEST_NAME} characters; these are {len(name)}.")
    return name
