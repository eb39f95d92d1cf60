"""Run the command line as ``python -m colorful``."""

from colorful.cli import main

if __name__ == "__main__":
    main()
