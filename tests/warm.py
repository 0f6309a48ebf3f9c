"""`edgekit` in a process that has imported its frameworks already: a fork of one that did so.

Importing torch and what goes with it takes most of a small export's time. A process that a test
gives an environment of its own is started as a user starts it, see `tests.conftest.run_cli`.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# None of them starts a thread when it is imported, which a fork would lose.
_FRAMEWORKS = ["torch", "torchvision", "timm", "onnx", "onnxscript", "transformers", "safetensors"]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(_FRAMEWORKS)


def run(
    words: Sequence[str], environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run `edgekit *words`, and give what `subprocess.run` would.

    Raises:
        TimeoutExpired: It took longer; it was killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        texts = [Path(folder, name) for name in ("out", "err")]
        process = _CONTEXT.Process(target=_main, args=(words, dict(environment), texts))
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, timeout_s)
        out, err = (text.read_text(encoding="utf-8") for text in texts)
        return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _main(words: Sequence[str], environment: Mapping[str, str], texts: Sequence[Path]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate([Path(os.devnull), *texts]):
        opened = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False)
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    sys.argv = ["edgekit", *words]
    from edgekit.__main__ import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # a fork of multiprocessing leaves them out
