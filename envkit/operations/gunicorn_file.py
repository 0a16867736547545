"""The file gunicorn is given where the rendered one lies in memory: gunicorn runs this one, which runs that one.

An open file without a name has no path that ends in .py, and of any other path gunicorn warns in three plain lines,
whatever the form of the log (gunicorn/app/base.py, get_config_from_filename).
"""

import os

NAME = "envkit-gunicorn.conf.py"
"""What the file in memory is called: not a path, but what the system shows of it."""


def _run() -> None:
    path = path_in_memory()
    with open(path, "rb") as file:  # noqa: PTH123  gunicorn's start has no use for pathlib
        text = file.read()
    exec(compile(text, path, "exec", dont_inherit=True), globals())  # noqa: S102  that `envkit run` has just rendered


def path_in_memory() -> str:
    """Where this process reads the rendered file.

    Raises:
        FileNotFoundError: there is none.
    """
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208
        path = f"/proc/self/fd/{number}"
        try:
            shown = os.readlink(path)  # noqa: PTH115
        except OSError:
            continue  # the descriptor by which the folder was listed
        if shown == f"/memfd:{NAME} (deleted)":  # memfd_create(2)
            return path
    raise FileNotFoundError(f"{NAME} is not among the open files")


if __name__ == "__config__":  # as gunicorn names the module that it makes of its file
    _run()
