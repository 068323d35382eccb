"""`python -m gradwork` is the command line."""

import sys

from gradwork.cli import main

if __name__ == "__main__":
    sys.exit(main())
