"""`edgekit` and `python -m edgekit`."""

import os
import sys

# Importing these libraries reports to their makers, and edgekit's users were not asked: ONNX
# Runtime obeys the first; OpenVINO is quiet where it believes to be in continuous integration.
_NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1", "CI": "true"}


def main() -> None:
    """Run the command line."""
    _open_standard_streams()
    for name, value in _NO_TELEMETRY.items():
        os.environ.setdefault(name, value)
    from edgekit.cli.app import run

    run()


def _open_standard_streams() -> None:
    """Put something in the place of a closed stream, before a file of ours gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


if __name__ == "__main__":
    main()
