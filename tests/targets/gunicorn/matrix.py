"""The descriptions whose `gunicorn.conf.py` is kept as a golden file: upstream kinds × workers × logs."""

from __future__ import annotations

HEAD = 'name = "shop"\napp = "shop:app"\n'

MATRIX = {
    "default": "",
    "socket-with-accounts": '[processes.web]\nuser = "www-data"\ngroup = "www-data"\numask = "0027"\n',
    "socket-with-group": '[processes.web]\ngroup = "www-data"\n',
    "loopback": '[http]\nupstream = "127.0.0.1:8000"\n[processes.web]\nworkers = 3\n',
    "loopback-6": '[http]\nupstream = "[::1]:8000"\n[processes.web]\nmemory = "512 MiB"\n',
    "service": '[http]\nupstream = "web:8000"\n[processes.web]\ncpus = 4\nmemory = "1 GiB"\n[logs]\naccess = "app"\n',
    "service-text-log": '[http]\nupstream = "web:8000"\n[logs]\naccess = "app"\nformat = "text"\nlevel = "warning"\n',
    "sync": '[processes.web]\nworker_class = "sync"\n[logs]\naccess = "off"\n',
    "sync-declared": '[processes.web]\nworker_class = "sync"\ncpus = 2\n',
    "singleton": "[processes.web]\nsingleton = true\nthreads = 32\n",
    "singleton-service": (
        '[http]\nupstream = "web:8000"\n[processes.web]\nsingleton = true\nuser = "www-data"\n[logs]\naccess = "app"\n'
    ),
    "tuned": (
        '[http]\nheader_limit = "16 KiB"\n[http.timeouts]\nrequest = "2m"\ngraceful = 7.5\nkeep_alive = "2m"\n'
        "[processes.web]\nworkers = 2\nthreads = 600\nmax_requests = 1000\npreload = true\n"
    ),
}
