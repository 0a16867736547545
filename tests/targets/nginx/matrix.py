"""The descriptions whose nginx files are kept as golden files: TLS modes × upstream kinds × versions × features."""

from __future__ import annotations

from envkit.deployment.reading import read_description

_DOMAINS = 'domains = ["shop.example.org", "www.shop.example.org"]\n'
_VERSIONS = {
    "": "",
    "1.22": '[versions]\nnginx = "1.22.1"\nopenssl = "3.0.16"\n',
    "1.26": '[versions]\nnginx = "1.26.3"\nopenssl = "3.5.0"\n',
    "1.30": '[versions]\nnginx = "1.30.2"\nopenssl = "3.6"\n',
}
_FILES = 'tls = "files"\ncertificate = "/etc/ssl/shop.pem"\ncertificate_key = "/etc/ssl/private/shop.pem"\n'
_BALANCER = 'tls = "upstream"\ntrusted_proxies = ["10.0.0.0/8", "fd00::/8"]\n'

JUDGES = {"": ("nginx", "nginx-trixie", "nginx-forky"), "1.22": ("nginx",), "1.26": ("nginx-trixie",)} | {
    "1.30": ("nginx-forky",)
}
"""The nginx of each version declared; where none is, every one of them has to accept the files."""

MATRIX = {
    "default": ("", ""),
    "default-1.30": ("1.30", ""),
    "off-address": ("1.22", "[http]\n" + _DOMAINS + 'upstream = "127.0.0.1:8000"\nport = 8080\n'),
    "letsencrypt": ("", "[http]\n" + _DOMAINS + 'tls = "letsencrypt"\n'),
    "letsencrypt-1.22": (
        "1.22",
        "[http]\n" + _DOMAINS + 'tls = "letsencrypt"\n[http.static."/static/"]\n'
        'directory = "/srv/shop/static"\nhashed = true\n',
    ),
    "letsencrypt-1.26-http3": ("1.26", "[http]\n" + _DOMAINS + 'tls = "letsencrypt"\nhttp3 = true\n'),
    "letsencrypt-1.30-service": (
        "1.30",
        "[http]\n" + _DOMAINS + 'tls = "letsencrypt"\nhttp3 = true\nupstream = "web:8000"\n',
    ),
    "files-service": ("", "[http]\n" + _DOMAINS + _FILES + 'upstream = "web:8000"\nresolver = "[fd00::53]:5353"\n'),
    "files-1.30-ports": (
        "1.30",
        "[http]\n" + _DOMAINS + _FILES + 'port = 8080\ntls_port = 8443\nupstream = "[::1]:8000"\n',
    ),
    "upstream-any-host": (
        "1.26",
        "[http]\n" + _BALANCER + 'upstream = "web:8000"\nreal_ip_header = "CF-Connecting-IP"\n',
    ),
    "upstream-1.30": ("1.30", "[http]\n" + _DOMAINS + _BALANCER),
    "everything": (
        "1.22",
        "[http]\n"
        + _DOMAINS
        + _FILES
        + 'trusted_proxies = ["192.0.2.1"]\nbody_limit = "20 MiB"\nheader_limit = 16000\n'
        'health_path = "/live"\nacme_root = "/srv/acme files"\n'
        "content_security_policy = \"default-src 'self'; img-src *\"\n"
        "[http.hsts]\ninclude_subdomains = true\npreload = true\n"
        '[http.timeouts]\nrequest = "2m"\nclient = 7.5\nsend = "1m"\nconnect = "1s"\nkeep_alive = "20s"\n'
        '[http.static."/static/"]\ndirectory = "/srv/shop/static"\nhashed = true\n'
        '[http.static."/media/"]\ndirectory = "/srv/{shop}; \\"media\\" \\\\ files"\nmax_age = "10m"\n'
        '[logs]\nformat = "text"\n'
        '[maintenance]\nflag = "/run/a flag"\npage = "/srv/shop/pages/down.html"\nretry_after = "2h"\n'
        "on_error = true\n"
        'bypass = ["192.0.2.0/24", "2001:db8::/32"]\n',
    ),
    "plain": (
        "",
        "[http]\n" + _DOMAINS + 'tls = "letsencrypt"\ngzip = false\n[http.hsts]\nmax_age = 0\n[logs]\naccess = "app"\n'
        '[processes.web]\nworker_class = "sync"\n',
    ),
    "sync-1.30": ("1.30", '[logs]\naccess = "off"\n[processes.web]\nworker_class = "sync"\n'),
    "long-names": (
        "",
        (
            f'[http]\ndomains = ["{"a" * 60}.{"b" * 60}.example.org"]\ntls = "letsencrypt"\n'
            'trusted_proxies = ["192.0.2.1"]\n[maintenance]\nbypass = ["192.0.2.2"]\n'
        ),
    ),
}


def described(name):
    """The description of one entry."""
    version, text = MATRIX[name]
    app = "a-name-of-thirty-one-characters" if name == "long-names" else "shop"
    return read_description(f'name = "{app}"\napp = "shop:app"\n{text}{_VERSIONS[version]}', {})


def judges(name):
    """The programs that have to accept the files of one entry."""
    return JUDGES[MATRIX[name][0]]
