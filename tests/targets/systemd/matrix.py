"""The descriptions whose units are kept as golden files."""

from __future__ import annotations

HEAD = 'name = "shop"\napp = "shop:app"\n'

MATRIX = {
    "least": "",
    "everything": """settings = "shop.settings:AppSettings"
[http]
domains = ["shop.example.org", "www.shop.example.org"]
tls = "letsencrypt"
email = "admin@example.org"
acme_server = "https://acme-staging-v02.api.letsencrypt.org/directory"
[server]
directory = "/srv/shop/current"
virtualenv = "/srv/shop/venv"
credentials = ["SECRET_KEY", "GITHUB_KEY"]
proxy_group = "proxy"
[backup]
database = "DATABASE_URL"
[processes.web]
cpus = 1.5
memory = "512 MiB"
umask = "027"
[processes.worker]
command = "rq worker --name 100% $HOME"
user = "shop-worker"
group = "jobs"
[processes.clock]
command = ["./bin/clock", "it's", "a \\"b\\""]
singleton = true
[processes.backup]
command = ["/usr/bin/make", "backup"]
schedule = "every 48h"
[processes.mail]
command = "mail --all"
schedule = "0,30 4 13 * fri"
[processes.release]
command = "flask db upgrade"
""",
    "address": '[http]\nupstream = "127.0.0.1:8000"\n',
    "own-command-in-home": (
        '[server]\ndirectory = "/home/shop/app"\nenv_file = "/etc/shop env"\n'
        '[processes.web]\ncommand = "python -m shop"\n[http]\nupstream = "[::1]:8000"\n'
    ),
}
