"""Protection of forms: what changes something must come from a page that this app showed to this browser.

The session holds a random key, the page a random number and its HMAC under that key. Another site can make a
browser send the session cookie (SameSite=Lax stops most, not all, of that) but can read neither. The number
differs on every page, so that the sizes of compressed pages tell nothing about the key (the BREACH attack).
"""

from __future__ import annotations

import hmac
import secrets

from flask import session

SESSION_KEY = "form_key"


def new_form_token() -> str:
    """A token for a form on the page that is being made; the browser gets its key with the session cookie."""
    if SESSION_KEY not in session:
        session[SESSION_KEY] = secrets.token_hex(32)
    number = secrets.token_hex(16)
    return f"{number}.{_mac(session[SESSION_KEY], number)}"


def is_form_token(token: str) -> bool:
    """Whether a token was made for this browser's session."""
    key = session.get(SESSION_KEY)
    if not isinstance(key, str):
        return False
    number, _, mac = token.partition(".")
    # Bytes, because compare_digest refuses text that is not ASCII.
    return hmac.compare_digest(_mac(key, number).encode(), mac.encode())


def _mac(key: str, number: str) -> str:
    return hmac.digest(key.encode(), number.encode(), "sha256").hex()
