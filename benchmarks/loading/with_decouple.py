"""python-decouple."""

from decouple import Config, Csv, RepositoryEnv

from benchmarks.loading.case import kinds

KINDS = kinds()
CASTS = {"str": str, "int": int, "bool": bool, "float": float, "list": Csv()}


def load() -> object:
    """Reads `.env` again, then each setting by its cast."""
    config = Config(RepositoryEnv(".env"))
    values = {name: config(name.upper(), cast=CASTS[kind]) for name, kind in KINDS.items()}
    values["github_key"] = config("GITHUB_KEY").replace("\\n", "\n")
    return values
