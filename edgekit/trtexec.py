"""TensorRT's own program `trtexec` as a builder of engines, where its Python module can't build.

JetPack brings it without anything to install; the module of JetPack 5 (TensorRT 8.5) knows no
strongly typed networks. Written after NVIDIA's documentation of TensorRT 8.5 to 10; it was run
here with a stand-in only.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from edgekit.errors import DataError, ToolError

Shape = Sequence[int]
# Of an input with free axes: its least, usual and largest shape.
Shapes = Mapping[str, Tuple[Shape, Shape, Shape]]

# Where Debian's packages and JetPack put it; it is in nobody's PATH there.
PLACE = "/usr/src/tensorrt/bin/trtexec"
# Hundreds of tactics for each layer, on a small board.
TIMEOUT_S = 3600.0
# The first that knows strongly typed networks.
_STRONGLY_TYPED = (10, 0)
_BANNER = re.compile(
    r"^&&&& (RUNNING|PASSED|FAILED) TensorRT\.trtexec \[TensorRT v([0-9]{4,6})\]", re.MULTILINE
)
_SECONDS = re.compile(r"Engine built in ([0-9]{1,6}(?:\.[0-9]{1,6})?) sec")
_ERROR = re.compile(r"^\[[^\]\n]{0,40}\] \[E\] (.{1,2000})$", re.MULTILINE)
_PLAIN = re.compile(r"[\w./-]+")
_TAIL_CHARACTERS = 2000


class Told(NamedTuple):
    """What `trtexec` printed.

    Attributes:
        passed: Whether it came to a good end.
        version: Of TensorRT, as in `(8, 5, 2)`; empty where it doesn't say.
        seconds: Time that building took; None where it doesn't say.
        errors: Lines of its log that are errors.
    """

    passed: bool
    version: Tuple[int, ...]
    seconds: Optional[float]
    errors: List[str]


def find() -> Optional[str]:
    """Where the program is; None where there is none."""
    return shutil.which("trtexec") or shutil.which(PLACE)


def version(program: str) -> Tuple[int, ...]:
    """The version of TensorRT that `program` belongs to; empty where it doesn't say.

    Raises:
        ToolError: It can't be started.
    """
    # It prints its banner, with the version, before anything else, and the help needs no GPU.
    return parse(_run([program, "--help"], 60.0)).version


def command(
    program: str,
    onnx: Path,
    plan: Path,
    shapes: Shapes,
    release: Sequence[int],
    precision: str = "fp32",
) -> List[str]:
    """The words that build an engine.

    Args:
        program: The program.
        onnx: The ONNX file.
        plan: Where to write the engine.
        shapes: Of the inputs that have free axes, by their name.
        release: Version of TensorRT, as in `(8, 5, 2)`.
        precision: `fp32`, `fp16` or `int8`: what an old TensorRT, which doesn't take the types
            from the file, may compute in beside float32.
    """
    words = [program, f"--onnx={onnx}", f"--saveEngine={plan}"]
    # Else the engine can't say afterwards what its layers compute in.
    words.append("--profilingVerbosity=detailed")
    if tuple(release[:2]) >= _STRONGLY_TYPED:
        words += ["--stronglyTyped", "--skipInference"]
    else:
        words.append("--buildOnly")
        words += ["--fp16"] if precision == "fp16" else []
        words += ["--int8"] if precision == "int8" else []
    for index, word in enumerate(("min", "opt", "max")):
        listed = ",".join(f"{_quoted(name)}:{_x(three[index])}" for name, three in shapes.items())
        words += [f"--{word}Shapes={listed}"] if listed else []
    return words


def parse(text: str) -> Told:
    """What the program printed, on both of its streams."""
    banners, seconds = _BANNER.findall(text), _SECONDS.search(text)
    return Told(
        passed=bool(banners) and banners[-1][0] == "PASSED",
        version=_parts(banners[-1][1] if banners else ""),
        seconds=float(seconds.group(1)) if seconds else None,
        errors=[" ".join(line.split()) for line in _ERROR.findall(text)],
    )


def build(
    program: str,
    onnx: Path,
    shapes: Shapes,
    precision: str = "fp32",
    timeout_s: float = TIMEOUT_S,
) -> bytes:
    """Build an engine for the GPU that is here.

    Args:
        program: The program.
        onnx: The ONNX file.
        shapes: Of the inputs that have free axes, by their name.
        precision: `fp32`, `fp16` or `int8`, as in `command`.
        timeout_s: Seconds after which it is ended.

    Returns:
        The serialized engine.

    Raises:
        DataError: Its parser doesn't take the file.
        ToolError: It can't be started, takes too long, or builds nothing.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        plan = Path(folder) / "model.engine"
        words = command(program, onnx.absolute(), plan, shapes, version(program), precision)
        text = _run(words, timeout_s)
        told = parse(text)
        if told.passed and plan.is_file() and plan.stat().st_size:
            return plan.read_bytes()
    first = told.errors[0][:300] if told.errors else "it doesn't say why"
    tail = text[-_TAIL_CHARACTERS:]
    if any("onnx" in line.lower() and "pars" in line.lower() for line in told.errors):
        raise DataError(
            f"trtexec can't parse {onnx.name}: {first}",
            hint="measure what `--format tensorrt` exports: TensorRT takes symmetric int8",
            stderr_tail=tail,
        )
    raise ToolError(
        f"trtexec built no engine from {onnx.name}: {first}",
        hint=f"`{' '.join(words)} --verbose` shows which layer failed",
        stderr_tail=tail,
    )


def _run(words: List[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603 -- a program of TensorRT, no shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except OSError as error:
        raise ToolError(
            f"{words[0]} can't be started: {error.strerror or error}",
            hint="JetPack brings it: `sudo apt-get install tensorrt`",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"trtexec was not done after {timeout_s:g} s",
            hint="build the engine once by hand and measure the .engine file",
        ) from error
    return done.stdout.decode("utf-8", "replace")


def _parts(number: str) -> Tuple[int, ...]:
    """`(8, 5, 2)` of `8502`, `(10, 3, 0)` of `100300`: from version 10 on it has six digits."""
    if not number:
        return ()
    major = 10_000 if len(number) > 4 else 1_000  # noqa: PLR2004 -- said above
    value = int(number)
    return value // major, value % major // 100, value % 100


def _quoted(name: str) -> str:
    # A colon in a name would end it.
    return name if _PLAIN.fullmatch(name) else f"'{name}'"


def _x(shape: Shape) -> str:
    return "x".join(str(axis) for axis in shape)


def fixed(shapes: Mapping[str, Shape]) -> Dict[str, Tuple[Shape, Shape, Shape]]:
    """Shapes for which alone an engine is built: the fastest one."""
    return {name: (shape, shape, shape) for name, shape in shapes.items()}
