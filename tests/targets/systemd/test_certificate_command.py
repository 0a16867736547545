"""The command that issues and renews the certificate, as the unit has it."""

from __future__ import annotations

import subprocess

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.systemd import units

DOMAIN = "shop.example.org"
TRIED = "https://acme-staging-v02.api.letsencrypt.org/directory"
REAL = "https://acme-v02.api.letsencrypt.org/directory"


def said(folder, asked):
    """What certbot is told, with this folder in place of the one in which it keeps how each was issued."""
    text = f'name = "shop"\napp = "shop:app"\n[http]\ndomains = ["{DOMAIN}"]\ntls = "letsencrypt"\n'
    deployment = read_description(text + (f'acme_server = "{asked}"\n' if asked else ""), {})
    (unit,) = (unit for unit in units.units_of(deployment) if unit.name == "shop-certificate.service")
    command = units.context_of(deployment, unit)["command"]
    words = [word.replace("/etc/letsencrypt/renewal", str(folder)) for word in command]
    at = words.index("/usr/bin/certbot")
    words[at : at + 1] = ["printf", "%s\\n"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize(
    ("kept", "asked", "replaced"),
    [(TRIED, None, True), (TRIED, REAL, True), (TRIED, TRIED, False), (REAL, None, False), (None, None, False)],
)
def test_a_certificate_of_the_staging_authority_is_replaced(tmp_path, kept, asked, replaced):
    """No browser trusts it: whoever tried with it, and then names another authority, has not to wait for its end."""
    if kept:
        (tmp_path / f"{DOMAIN}.conf").write_text(f"[renewalparams]\nserver = {kept}\n")
    words = said(tmp_path, asked)
    assert words[:1] == ["certonly"]
    assert words[words.index("--domain") + 1] == DOMAIN
    assert ("--force-renewal" in words) == replaced
