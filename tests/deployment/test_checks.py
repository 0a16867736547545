"""Keys that contradict each other, each told at the key that should change."""

from __future__ import annotations

import pytest

from envkit.deployment.reading import DescriptionError, read_description

HEAD = 'name = "shop"\napp = "shop:app"\n'
SINGLETON = "the process is a singleton, and whatever runs inside it, such as a scheduler, would run once per worker"
FILES = 'tls = "files"\ncertificate = "/c"\ncertificate_key = "/k"\n'


def problems(text, environ=None):
    """The findings for a description, as they are printed, without the file's name."""
    try:
        read_description(HEAD + text, environ or {})
    except DescriptionError as error:
        return [str(finding).removeprefix("envkit.toml:") for finding in error.findings]
    return []


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[http]\ndomains = ["example.org"]\ntls = "letsencrypt"\ntrusted_proxies = ["10.0.0.0/8"]\n',
        f'[http]\ndomains = ["*.example.org"]\n{FILES}',
        '[http]\ndomains = ["*.example.org"]\n',
        '[http]\ntls = "upstream"\ntrusted_proxies = ["10.0.0.0/8"]\n',
        f'[versions]\nnginx = "1.25"\n[http]\nhttp3 = true\ndomains = ["example.org"]\n{FILES}',
        "[http]\nport = 8080\ntls_port = 8080\n",
        '[http]\nupstream = "127.0.0.1:443"\n',
        "[http.hsts]\npreload = true\ninclude_subdomains = true\n",
        '[http.static."/health-files/"]\ndirectory = "/s"\n',
        "[processes.web]\nsingleton = true\nworkers = 1\n",
        '[processes.web]\nworker_class = "sync"\nthreads = 1\n',
        '[processes.web]\nworker_class = "sync"\nworkers = 5\n',
        '[processes.clock]\ncommand = "clock"\nsingleton = true\nmemory = "64 MiB"\n',
    ],
)
def test_consistent(text):
    """What fits together is taken."""
    assert problems(text, {"WEB_CONCURRENCY": "1"}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[http]\ndomains = ["a.example", "A.example"]\n', "4: http.domains[1]: stands in the list twice"),
        (
            '[backup]\ndatabase = "DATABASE_URL"\n[backup.postgres]\nname = "DATABASE_NAME"\n',
            "5: backup.postgres: is given beside backup.database. keep the one that the app goes by",
        ),
        (
            '[backup.postgres]\nname = "DATABASE NAME"\n',
            "4: backup.postgres.name: must be the name of a setting: letters, digits and _, with no digit first",
        ),
        (
            '[backup.postgres]\nhost = "DATABASE_HOST"\n',
            "3: backup.postgres.name: is missing. The setting that holds the database's name",
        ),
        (
            '[http]\ntls = "letsencrypt"\n',
            "3: http.domains: is empty, and tls letsencrypt needs the domains of the certificate",
        ),
        (
            '[http]\ntls = "letsencrypt"\ndomains = ["*.example.org"]\n',
            (
                "5: http.domains[0]: is a wildcard, which Let's Encrypt does not certify by a file on the server. "
                'name each domain, or use tls = "files"'
            ),
        ),
        (
            '[http]\ntls = "letsencrypt"\ndomains = ["localhost"]\n',
            "5: http.domains[0]: is no public domain, and Let's Encrypt certifies no other",
        ),
        (
            '[http]\ndomains = ["a.example"]\ntls = "files"\ncertificate = "/c"\n',
            "3: http.certificate_key: is missing, and tls files needs it",
        ),
        (
            '[http]\ncertificate = "/c"\n',
            "4: http.certificate: is read with tls files only, and tls is off",
        ),
        (
            f'[http]\ndomains = ["a.example"]\n{FILES}'.replace("/k", "/c"),
            "7: http.certificate_key: is the same file as the certificate",
        ),
        (
            '[http]\ntls = "upstream"\n',
            (
                "3: http.trusted_proxies: is empty, and tls upstream needs the networks of the load balancer. "
                "without them nobody could tell its X-Forwarded-Proto from a client's"
            ),
        ),
        (
            '[versions]\nnginx = "1.29"\n[http]\nhttp3 = true\n',
            "6: http.http3: needs TLS in nginx, and tls is off",
        ),
        (
            f'[versions]\nnginx = "1.24.9"\n[http]\nhttp3 = true\ndomains = ["a.example"]\n{FILES}',
            "6: http.http3: needs nginx 1.25 or later. declare it in versions.nginx",
        ),
        (
            f'[http]\nport = 443\ndomains = ["a.example"]\n{FILES}',
            "3: http.tls_port: is the port for plain HTTP as well",
        ),
        ('[http]\nupstream = "127.0.0.1:80"\n', "4: http.upstream: has a port that nginx listens on itself"),
        (
            '[http.static."/health/"]\ndirectory = "/s"\n',
            '3: http.static."/health/": covers the health path, which the app must answer',
        ),
        (
            '[http.static."/.well-known/"]\ndirectory = "/s"\n',
            (
                '3: http.static."/.well-known/": covers /.well-known/acme-challenge/, '
                "which belongs to the certificate authority"
            ),
        ),
        (
            '[http.static."/.envkit/x/"]\ndirectory = "/s"\n',
            '3: http.static."/.envkit/x/": lies in /.envkit/, where nginx\'s own pages are',
        ),
        (
            '[http]\nhealth_path = "/.envkit/unwell"\n',
            "4: http.health_path: lies in /.envkit/, where nginx's own pages are",
        ),
        (
            "[http]\nheader_limit = 1023\n",
            "4: http.header_limit: is less than a request needs. was the unit forgotten? write 8 KiB",
        ),
        (
            '[http]\nhealth_path = "/"\n',
            "4: http.health_path: is the home page, which would never be logged. name one of its own, such as /health",
        ),
        (
            '[http]\nhealth_path = "/.well-known/acme-challenge/x"\n',
            "4: http.health_path: lies in /.well-known/acme-challenge/, which belongs to the certificate authority",
        ),
        (
            "[http.hsts]\npreload = true\n",
            (
                "4: http.hsts.preload: needs include_subdomains and a max_age of a year, "
                "or browsers do not take the domain into their list"
            ),
        ),
        ("[http.timeouts]\ngraceful = 0\n", "4: http.timeouts.graceful: must be above 0"),
        ('[maintenance]\nretry_after = "1ms"\n', "4: maintenance.retry_after: must be at least one second"),
        (
            "[processes.clock]\nsingleton = true\n",
            "3: processes.clock.command: is missing. only web is served by gunicorn without one",
        ),
        (
            '[processes.mail]\ncommand = "mail"\nworkers = 3\n',
            "5: processes.mail.workers: is for gunicorn, and this process has its own command",
        ),
        (
            "[processes.web]\nmemory = 512\n",
            "4: processes.web.memory: is less than a Python process needs. was the unit forgotten? write 512 MiB",
        ),
        (
            '[processes.web]\nmemory = "64 MiB"\nworkers = 3\n',
            "4: processes.web.memory: is too little for 3 workers",
        ),
        ("[processes.web]\nsingleton = true\nworkers = 2\n", f"5: processes.web.workers: must be 1: {SINGLETON}"),
        (
            '[processes.web]\nworker_class = "sync"\nthreads = 4\n',
            "5: processes.web.threads: must be 1 or unset: a sync worker has one thread",
        ),
    ],
)
def test_contradiction(text, expected):
    """Each contradiction is told once, at its line."""
    assert problems(text) == [expected]


@pytest.mark.parametrize("name", ["catch-all", "catch-all-tls", "catch-all-8080"])
def test_a_name_of_nginx_files(name):
    """The site of an app called so would be the file that refuses foreign hosts, and be written over by it."""
    with pytest.raises(DescriptionError, match="name: is the name of nginx's files that refuse foreign hosts"):
        read_description(HEAD.replace('"shop"', f'"{name}"'), {})


@pytest.mark.parametrize("variable", ["WEB_CONCURRENCY", "ENVKIT_PROCESSES__WEB__WORKERS"])
def test_singleton_asked_for_more(variable):
    """Asking a singleton for more workers from the environment is an error that says why."""
    (problem,) = problems("[processes.web]\nsingleton = true\n", {variable: "2"})
    assert problem.startswith(f"environment: {variable}: must be 1")
    assert problem.endswith(SINGLETON)
    assert problems("", {variable: "2"}) == []


def test_workers_that_are_no_number():
    """What gunicorn would die of with a traceback is said beforehand; empty is unset, as Compose makes it."""
    wrong = ["environment: WEB_CONCURRENCY: must be a whole number of workers"]
    for word in ("abc", "1.5", "-3"):
        assert problems("", {"WEB_CONCURRENCY": word}) == wrong
        assert problems("[processes.web]\nsingleton = true\n", {"WEB_CONCURRENCY": word}) == wrong
    for word in ("", " ", "3"):
        assert problems("", {"WEB_CONCURRENCY": word}) == []
    assert problems('[processes.web]\ncommand = "serve"\n', {"WEB_CONCURRENCY": "auto"}) == []


def test_stage_without_tls():
    """A stage may turn TLS off by a variable without taking the certificate out of the file."""
    text = f'[http]\ndomains = ["a.example"]\n{FILES}'
    assert problems(text, {"ENVKIT_HTTP__TLS": "off"}) == []
    assert problems(text.replace('"files"', '"off"')) != []


def test_every_contradiction_at_once():
    """Contradictions of several tables are told together."""
    text = '[http]\ntls = "files"\n[http.timeouts]\nsend = 0\n[processes.a]\n'
    assert [problem.split(": ")[1] for problem in problems(text)] == [
        "http.domains",
        "http.certificate",
        "http.certificate_key",
        "http.timeouts.send",
        "processes.a.command",
    ]


def test_two_mounts_of_one_folder():
    """Docker refuses the container; one folder of the machine may be seen at several places."""
    assert problems('[container]\ndata = ["/a:/data", "/b:/data/"]\n') == [
        "4: container.data[1]: mounts /data, as one before it does"
    ]
    assert problems('[container]\ndata = ["/a:/data", "/a:/data/old"]\n') == []
