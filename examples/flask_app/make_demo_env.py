"""Writes a `.env` with made-up secrets, so that the app starts at once on your own machine.

python make_demo_env.py FOLDER: writes FOLDER/.env, readable by you alone, unless there is one already.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def main(arguments: list[str]) -> int:
    """Exit code 0 when there is a `.env` now, 2 when the call was wrong."""
    if len(arguments) != 1:
        sys.stderr.write("usage: make_demo_env.py FOLDER\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".env"
    try:
        # Mode 0600 from the first byte, and O_EXCL: never over a file that somebody wrote.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{path} is there already and stays as it is\n")
        return 0
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(demo_env(folder.absolute() / "teams.sqlite3"))
    sys.stderr.write(f"{path}: written, with secrets for this machine only\n")
    return 0


def demo_env(database: Path) -> str:
    """The text of a `.env` with new secrets; the key's newlines are written as backslash and n."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    # PKCS#1, «BEGIN RSA PRIVATE KEY», is what GitHub hands out.
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    settings = {
        "SECRET_KEY": secrets.token_hex(32),
        "GITHUB_APP_ID": "demo-app",
        "GITHUB_KEY": pem.replace("\n", r"\n"),
        "WEBHOOK_SECRET": secrets.token_hex(32),
        "ADMIN_TOKEN": secrets.token_hex(32),
        "DATABASE": str(database),
        "SESSION_COOKIE_SECURE": "false",  # the demo speaks plain HTTP
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
