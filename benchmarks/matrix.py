"""Every short name in every format, float32, random weights: parity, or why not.

python benchmarks/matrix.py [NAME ...]      prints a Markdown table; about ten minutes on 2 cores
"""

import json
import subprocess
import sys
import tempfile
import time

from edgekit.models import catalog

FORMATS = ("onnx", "openvino", "litert")


def export(name: str, out: str) -> tuple[dict[str, str], float]:
    """Cells of one model by format, and the seconds that it took."""
    command = [sys.executable, "-m", "edgekit", "export", name, "--weights", "random", "--json"]
    command += ["--format", ",".join(FORMATS), "--out", out]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if not done.stdout:
        return dict.fromkeys(FORMATS, done.stderr.strip().splitlines()[-1]), seconds
    report = json.loads(done.stdout)
    cells = {}
    for made in report["artifacts"]:
        found = made["parity"]["batches"]
        worst = min(closeness["sqnr_db"] or 999.0 for closeness in found.values())
        note = f" ({made['parity']['reason']})" if made["parity"]["reason"] else ""
        cells[made["format"]] = f"{worst:.0f} dB{note}"
    for failed in report["failures"]:
        cells[failed["format"]] = f"failed: {failed['message'].splitlines()[0][:120]}"
    return cells, seconds


def main() -> None:
    names = sys.argv[1:] or [name for name in catalog.short_names() if name != "toy"]
    print("| model | stands for | " + " | ".join(FORMATS) + " | seconds |")
    print("|---|---|" + "---|" * len(FORMATS) + "---:|", flush=True)
    for name in names:
        with tempfile.TemporaryDirectory() as out:
            cells, seconds = export(name, out)
        backbone = catalog.resolve(name)[1]
        row = " | ".join(cells.get(format, "-") for format in FORMATS)
        print(f"| {name} | {backbone} | {row} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
