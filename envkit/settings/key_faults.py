"""What can be wrong with a key, said without any of its content."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """What is wrong and what to do about it."""

    problem: str
    hint: str = ""


SEND_AGAIN = "copy the key again, or send it as base64 of the whole file"
CHANGED = Fault("the body decodes, but a character in it was changed, lost or added", SEND_AGAIN)
TOO_LONG = Fault("the body goes on after the end of the key inside it", SEND_AGAIN)
EMPTY = Fault("there is nothing between the BEGIN and END lines", "give the whole key, the body included")


def cut_short(there: int, wanted: int) -> Fault:
    """The fault of a body that ends before the length which it states, both in bytes."""
    return Fault(f"the body is cut short: {there} of its {wanted} bytes are there", "give the whole key")
