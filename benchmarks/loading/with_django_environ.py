"""django-environ."""

from environ import Env

from benchmarks.loading.case import kinds

KINDS = kinds()


def load() -> object:
    """Reads `.env` into the process environment, then each setting by its type."""
    env = Env()
    env.read_env(".env", overwrite=True)
    values: dict[str, object] = {name: getattr(env, kind)(name.upper()) for name, kind in KINDS.items()}
    values["github_key"] = env.str("GITHUB_KEY", multiline=True)
    return values
