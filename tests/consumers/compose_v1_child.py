"""Answers what docker-compose 1.29 reads in an env file: one path a line in, one JSON object a line out."""

import json
import logging
import os
import sys

from compose.config.config import resolve_environment
from compose.config.environment import Environment

logging.disable(logging.CRITICAL)
for line in sys.stdin:
    found = resolve_environment({"env_file": [line.rstrip("\n")]}, Environment(os.environ))
    sys.stdout.write(json.dumps({name: value for name, value in found.items() if value is not None}) + "\n")
    sys.stdout.flush()
