"""The numbers of start-up and export, each as a ratio or a bound measured in one run.

python benchmarks/foundation.py     prints a Markdown table; about two minutes on 2 cores
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15
EXPORT = ["export", "efficientnet", "--int8", "--format", "onnx,openvino,litert,tensorrt"]


def seconds(command: list[str]) -> float:
    """Wall time of a command that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def help_ratio() -> float:
    """Median of paired ratios: `edgekit --help` over importing typer."""
    edgekit = str(Path(sys.executable).with_name("edgekit"))
    pairs = [
        (seconds([edgekit, "--help"]), seconds([sys.executable, "-c", "import typer"]))
        for _ in range(ROUNDS)
    ]
    return statistics.median(ours / theirs for ours, theirs in pairs)


def tree_rss_bytes(pid: int) -> int:
    """Resident memory of a process and all its children, from /proc."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # All of a run's processes share the session that it was started in.
        if int(fields[3]) == pid:
            total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total


def cold_export(out: str) -> tuple[float, int]:
    """Seconds and the largest resident memory of the whole process tree, polled each 50 ms."""
    start = time.perf_counter()
    run = subprocess.Popen(
        [sys.executable, "-m", "edgekit", *EXPORT, "--out", out],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    peak_bytes = 0
    while run.poll() is None:
        peak_bytes = max(peak_bytes, tree_rss_bytes(run.pid))
        time.sleep(0.05)
    if run.returncode:
        raise SystemExit(f"the export ended with {run.returncode}")
    return time.perf_counter() - start, peak_bytes


def main() -> None:
    ratio = help_ratio()
    with tempfile.TemporaryDirectory() as out:
        cold_s, peak_bytes = cold_export(out)
        cached_s = seconds([sys.executable, "-m", "edgekit", *EXPORT, "--out", out])
    print("| what | measured | bound |")
    print("|---|---:|---:|")
    print(f"| `edgekit --help` / `python -c 'import typer'` | {ratio:.2f} | 3 |")
    print(f"| export efficientnet, 4 formats, int8, cold | {cold_s:.1f} s | 90 s |")
    print(f"| its peak memory, all processes | {peak_bytes / 1e9:.2f} GB | 4 GB |")
    print(f"| the same again | {cached_s:.2f} s | 3 s |")


if __name__ == "__main__":
    main()
