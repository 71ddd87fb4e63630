"""`python -m SlicePropagationLib`: the command line, where no script of that name is installed."""

import sys

from SlicePropagationLib.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
