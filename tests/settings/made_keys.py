"""Private keys made by the real programs, once per test run, and the judges that say whether a text is such a key."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

PASSPHRASE = "invented-passphrase"


class MadeKey(NamedTuple):
    """A key as its program wrote it."""

    name: str
    text: str
    kind: str
    encrypted: bool


_OPENSSL = {
    "rsa-pkcs1": ("genrsa", "-traditional", "2048"),
    "rsa-pkcs8": ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    "rsa-pss-pkcs8": ("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"),
    "ed25519-pkcs8": ("genpkey", "-algorithm", "ed25519"),
    "x448-pkcs8": ("genpkey", "-algorithm", "x448"),
    "ecdsa-sec1": ("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
    "ecdsa-sec1-with-parameters": ("ecparam", "-name", "secp521r1", "-genkey"),
    "ecdsa-k1-sec1": ("ecparam", "-name", "secp256k1", "-genkey", "-noout"),
    "ecdsa-brainpool-sec1": ("ecparam", "-name", "brainpoolP256r1", "-genkey", "-noout"),
    "ecdsa-pkcs8": ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "rsa-pkcs8-encrypted": ("genpkey", "-algorithm", "RSA", "-aes-256-cbc", "-pass", f"pass:{PASSPHRASE}"),
    "rsa-pkcs1-aes-encrypted": ("genrsa", "-traditional", "-aes128", "-passout", f"pass:{PASSPHRASE}", "2048"),
    "rsa-pkcs1-3des-encrypted": ("genrsa", "-traditional", "-des3", "-passout", f"pass:{PASSPHRASE}", "2048"),
}
_SSH = {
    "openssh-ed25519": ("ed25519", ""),
    "openssh-rsa": ("rsa", ""),
    "openssh-ecdsa": ("ecdsa", ""),
    "openssh-encrypted": ("ed25519", PASSPHRASE),
}
_PGP = {
    "pgp-rsa": ("rsa2048", ()),
    "pgp-ed25519": ("ed25519", ()),
    "pgp-with-headers": ("ed25519", ("--emit-version", "--comment", 'made: for -- tests, 100% /+= "quoted"')),
    "pgp-without-checksum": ("ed25519", ()),
}
PEM_NAMES = tuple(_OPENSSL)
SSH_NAMES = tuple(_SSH)
PGP_NAMES = tuple(_PGP)
KEY_NAMES = (*PEM_NAMES, *SSH_NAMES, *PGP_NAMES)


@cache
def made_key(name: str) -> MadeKey:
    """The key of that name, generated when it is first asked for."""
    if name in _OPENSSL:
        text = _run("openssl", *_OPENSSL[name])
    elif name in _SSH:
        text = _ssh_key(*_SSH[name])
    else:
        text = _pgp_key(*_PGP[name])
    if name == "pgp-without-checksum":  # as RFC 9580 wants it
        lines = text.splitlines(keepends=True)
        text = "".join([*lines[:-2], lines[-1]])
    last = text.rstrip("\n").rsplit("\n", 1)[1]
    return MadeKey(name, text, last.removeprefix("-----END ").removesuffix("-----"), "encrypted" in name)


def public_part(name: str, text: str) -> str:
    """What the program for this kind of key makes of `text`: the public key, or the fingerprint.

    Raises:
        CalledProcessError: the program refuses it.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        file = Path(folder, "key")
        file.touch(mode=0o600)
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        passphrase = PASSPHRASE if "encrypted" in name else ""
        if name in _PGP:
            return _imported(Path(folder), file)
        if name in _SSH:
            return _run("ssh-keygen", "-y", "-P", passphrase, "-f", str(file))
        return _run("openssl", "pkey", "-in", str(file), "-passin", f"pass:{passphrase}", "-pubout")


def _run(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    return run.stdout.decode(errors="replace")  # a damaged key's comment may be any bytes


def _ssh_key(algorithm: str, passphrase: str) -> str:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        file = Path(folder, "key")
        _run("ssh-keygen", "-q", "-t", algorithm, "-N", passphrase, "-C", "made for tests", "-f", str(file))
        return file.read_text()


def _pgp_key(algorithm: str, options: tuple[str, ...]) -> str:
    home = tempfile.mkdtemp(dir="/tmp")  # a short path: the agent's socket lies in it
    gpg = ("gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
    try:
        _run(*gpg, "--quick-generate-key", "made@tests.invalid", algorithm, "default", "never")
        return _run(*gpg, *options, "--armor", "--export-secret-keys")
    finally:
        _run("gpgconf", "--homedir", home, "--kill", "all")
        shutil.rmtree(home, ignore_errors=True)


def _imported(home: Path, file: Path) -> str:
    gpg = ("gpg", "--homedir", str(home), "--batch", "--quiet")
    try:
        _run(*gpg, "--import", str(file))
        listed = _run(*gpg, "--with-colons", "--list-secret-keys")
    finally:
        _run("gpgconf", "--homedir", str(home), "--kill", "all")
    return "\n".join(line for line in listed.splitlines() if line.startswith(("fpr", "grp")))
