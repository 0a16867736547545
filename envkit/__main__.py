"""`python -m envkit`: the same as the command `envkit`."""

import sys

from envkit.cli import main

sys.exit(main())
