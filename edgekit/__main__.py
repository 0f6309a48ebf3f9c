"""`edgekit` and `python -m edgekit`."""

import os

# Importing these libraries reports to their makers, and edgekit's users were not asked: ONNX
# Runtime obeys the first; OpenVINO is quiet where it believes to be in continuous integration.
_NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1", "CI": "true"}


def main() -> None:
    """Run the command line."""
    for name, value in _NO_TELEMETRY.items():
        os.environ.setdefault(name, value)
    from edgekit.cli.app import run

    run()


if __name__ == "__main__":
    main()
