"""Run the command line: ``colorful``, or ``python -m colorful``."""

import signal


def main() -> None:
    """Run the command line and exit."""
    # Until a command runs there is nothing to finish: Ctrl-C then ends the program at once, without the
    # traceback of an import. Who started the program may have had it ignore Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from colorful.cli import main as run

    run()


if __name__ == "__main__":
    main()
