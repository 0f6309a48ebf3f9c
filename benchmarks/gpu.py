"""Whether the part `compute` of a GPU leg is what Triton's own benchmark measures.

    python benchmarks/gpu.py [ARTIFACT ...] [--out exported]

For each float torch artifact (all in `--out` if none is named) and each of `torch-cuda` and
`torch-cuda-compiled`: the median of the part `compute`, as `edgekit bench` takes it in a process
of its own, and that of `triton.testing.do_bench` on the same program with its input on the device,
in turn, five pairs. They agree where the median of the ratios is within 3 %. It prints a table
under the name of the GPU, and ends with 1 if a pair of medians doesn't agree.

What is the same in both: CUDA events around one call of the program. What isn't: `do_bench` clears
the L2 cache before each call and queues the calls without waiting; a network that takes less time
to compute than to start (a small one, eager, batch 1) is limited by the host in both.

It needs an NVIDIA GPU, torch with CUDA and Triton; without them it says so and ends with 3.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

from edgekit import storage
from edgekit.errors import EdgekitError, MissingDependency
from edgekit.records import BenchPlan, Device, Format
from edgekit.transports import linked
from edgekit.workflows import bench
from edgekit.workflows.plans import PROFILES

PAIRS = 5
TOLERANCE = 0.03
RUNTIMES = ("torch-cuda", "torch-cuda-compiled")
WARMUP_MS, MEASURED_MS = 100, 1000


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifacts", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, default=Path("exported"))
    options = parser.parse_args()
    try:
        name = _gpu()
        paths = options.artifacts or storage.find(options.out)
        subjects = [subject for path in paths for subject in [storage.subject(path)]]
        wanted = [s for s in subjects if s.artifact and s.artifact.format is Format.TORCH]
        if not wanted:
            print("there is no torch artifact; `edgekit export resnet --format torch` makes one")
            return 2
        print(f"{name}\n\n| artifact | runtime | edgekit ms | do_bench ms | ratio | agree |")
        print("|---|---|---|---|---|---|")
        agree = [_compared(subject, runtime) for subject in wanted for runtime in RUNTIMES]
    except EdgekitError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    return 0 if all(agree) else 1


def _gpu() -> str:
    """The GPU's name and the versions that matter.

    Raises:
        MissingDependency: There is none, or nothing to use it with.
    """
    try:
        import torch
        import triton
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"{error.name} isn't installed", hint="pip install torch"
        ) from error
    if not torch.cuda.is_available():
        raise MissingDependency(
            "torch sees no CUDA device", hint="run it on a machine where `nvidia-smi` shows a GPU"
        )
    device = torch.cuda.get_device_name()
    return f"{device}, torch {torch.__version__}, triton {triton.__version__}"


def _compared(subject: Any, runtime: str) -> bool:
    """One row of the table; whether both agree."""
    plan = BenchPlan(subject, runtime, Device(), threads=1, batch=None, profile=PROFILES["quick"])
    call = _callable(plan)
    pairs = [(_ours_ms(plan), _theirs_ms(call)) for _ in range(PAIRS)]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    agree = abs(ratio - 1.0) <= TOLERANCE
    cells = (subject.name, runtime, f"{ours:.4f}", f"{theirs:.4f}", f"{ratio:.3f}")
    print(f"| {' | '.join(cells)} | {'yes' if agree else 'no'} |", flush=True)
    return agree


def _ours_ms(plan: BenchPlan) -> float:
    """The median of the part `compute`, in ms, in a fresh process."""
    with linked(plan.device) as link:
        return statistics.median(bench.run(link, plan).parts_ns["compute"]) / 1e6


def _callable(plan: BenchPlan) -> Any:
    """The program that the leg runs, with an input on the device."""
    import torch

    from edgekit.measure.inputs import ShapeChooser, random_feeds
    from edgekit.runtimes import RUNTIMES as ADAPTERS

    job = bench.job(plan)
    session: Any = ADAPTERS.get(plan.runtime).load(
        Path(job.model), threads=1, precision="fp32", shape_of=ShapeChooser(job)
    )
    (feed,) = random_feeds(session.inputs, 1, job.seed)
    given = session._to_device(feed)

    def call() -> None:
        with torch.inference_mode():
            session._module(*given)

    return call


def _theirs_ms(call: Any) -> float:
    import triton

    found: float = triton.testing.do_bench(
        call, warmup=WARMUP_MS, rep=MEASURED_MS, return_mode="median"
    )
    return found


if __name__ == "__main__":
    sys.exit(main())
