"""What is signed by and for GitHub: the check of a webhook's signature, and tokens of the GitHub App."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOCK_DRIFT = 60
"""Seconds that a token is dated back, as GitHub recommends, in case GitHub's clock is behind."""
TOKEN_LIFETIME = 9 * 60
"""Seconds; GitHub takes at most ten minutes by its own clock."""


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether `signature` (`sha256=` and 64 hexadecimal digits) is the body's HMAC under the secret."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # Bytes, because compare_digest refuses text that is not ASCII.
    return hmac.compare_digest(expected.encode(), signature.encode())


def app_token(app_id: str, key: RSAPrivateKey, *, now: int) -> str:
    """A JSON Web Token, signed by RS256, that GitHub accepts from the App.

    docs.github.com, «Generating a JSON Web Token (JWT) for a GitHub App», says which claims; RFC 7515 how it
    is built.

    Args:
        app_id: the App's client id or numeric id.
        key: the App's private key.
        now: seconds since 1970.
    """
    header = {"alg": "RS256", "typ": "JWT"}
    claims = {"iat": now - CLOCK_DRIFT, "exp": now + TOKEN_LIFETIME, "iss": app_id}
    signed = f"{_base64url(_compact(header))}.{_base64url(_compact(claims))}"
    return f"{signed}.{_base64url(key.sign(signed.encode(), PKCS1v15(), hashes.SHA256()))}"


def load_signing_key(pem: bytes) -> RSAPrivateKey:
    """The App's private key.

    Raises:
        ValueError: it is not an RSA key, or has a password; the message holds nothing of it.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        problem = "is not an RSA private key without a password, which GitHub Apps sign their tokens with"
        raise ValueError(problem)  # noqa: TRY004  the settings collect ValueErrors
    return key


def _compact(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
