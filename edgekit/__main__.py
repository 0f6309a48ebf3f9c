"""`edgekit` and `python -m edgekit`."""

from edgekit.cli.app import run


def main() -> None:
    """Run the command line."""
    run()


if __name__ == "__main__":
    main()
