"""Run the command line: ``colorful``, or ``python -m colorful``."""

# Python has this half of `signal` loaded, so there is nothing to import that Ctrl-C could break off.
import _signal as signal  # type: ignore[import-not-found]


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
