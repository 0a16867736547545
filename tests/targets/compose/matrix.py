"""The descriptions whose Compose files are kept as golden files, and the names of settings they are rendered for."""

from __future__ import annotations

from envkit.deployment.reading import read_description
from envkit.targets.settings import SettingName

SETTINGS = (
    SettingName("SECRET_KEY", secret=True, required=True),
    SettingName("DATABASE_URL", secret=True, required=True),
    SettingName("DEBUG"),
    SettingName("NO"),  # YAML 1.1 would read a boolean
)
_RELEASE = '[processes.release]\ncommand = "python -m shop.migrate"\n'
_TLS = '[http]\ndomains = ["shop.example.org", "www.example.org"]\ntls = "letsencrypt"\nemail = "a@example.org"\n'

MATRIX = {
    "least": "[container]\n",
    "undescribed": "",
    "letsencrypt": (
        '[container]\nimage = "ghcr.io/example/shop:1.4"\n' + _TLS + "http3 = true\n"
        'acme_server = "https://acme.example.org/directory"\n[versions]\nnginx = "1.30"\n'
    ),
    "processes": (
        '[container]\nimage = "registry.example.org:5000/shop:latest"\nbuild = ".."\nlog_size = "1 MiB"\n'
        'log_files = 2\nrestart = "always"\n'
        '[processes.web]\ncpus = 1.5\nmemory = "512 MiB"\n'
        + _RELEASE
        + '[processes.worker]\ncommand = ["rq", "worker"]\nuser = "shop"\ngroup = "shop"\n'
        '[processes.clock]\ncommand = "python -m shop.clock"\nsingleton = true\n'
        '[processes.report]\ncommand = "python -m shop.report"\nschedule = "every 24h"\n'
        "[services]\nredis = true\npostgres = true\ndynamodb_local = true\n[updates]\n"
    ),
    "data": (
        '[container]\ndata = ["./data:/data", "/srv/up loads:/up loads"]\nread_only = false\naddress = "127.0.0.1"\n'
        '[http]\nport = 8080\nupstream = "web:5000"\n[http.timeouts]\ngraceful = "75s"\n'
    ),
    "secrets": (
        '[container]\nsecrets = "files"\nbase = "plain"\n[services]\npostgres = true\n'
        '[processes.worker]\ncommand = ["sh", "-c", "echo $HOME"]\n'
    ),
    "files": (
        '[container]\n[http]\ndomains = ["shop.example.org"]\ntls = "files"\ncertificate = "/etc/ssl/shop.pem"\n'
        'certificate_key = "/etc/ssl/private/shop.pem"\n[http.static."/static/"]\ndirectory = "/srv/shop/static"\n'
        '[maintenance]\npage = "/srv/shop/down.html"\nflag = "/run/flags/down"\n'
    ),
}


def described(name, *, with_release=True):
    """The description of one entry; Inertia takes no release process."""
    text = MATRIX[name] if with_release else MATRIX[name].replace(_RELEASE, "")
    return read_description(f'name = "shop"\napp = "shop:app"\nsettings = "shop:S"\n{text}', {})
