"""Facts of machines, with what the machine says put in its mouth."""

import stat
from types import SimpleNamespace

import pytest

from edgekit.errors import UsageError
from edgekit.quantization import target as module
from edgekit.quantization.target import NAMED, detect, gpus, has_int8_dot, target
from edgekit.records import Target


@pytest.fixture
def machine(monkeypatch):
    """Says what archspec finds; no GPU."""

    def say(family, model_features=(), flags=()):
        named = SimpleNamespace(family=family, features=set(model_features))
        monkeypatch.setattr(module, "host", lambda: named)
        monkeypatch.setattr(module, "detected_info", lambda: SimpleNamespace(features=set(flags)))
        monkeypatch.setattr(module, "which", lambda _: None)

    return say


def test_features_are_those_that_matter_and_sorted(machine):
    machine("x86_64", {"sse2", "avx512f"}, {"avx2", "fma", "avx512f"})
    assert detect() == Target("host", "x86_64", ("avx2", "avx512f"))


def test_a_flag_that_the_nearest_known_model_lacks_counts(machine):
    # A virtual Zen 4 without one of its flags is "x86_64_v4" to archspec, which has no VNNI.
    machine("x86_64", {"avx2", "avx512f"}, {"avx2", "avx512f", "avx512_vnni"})
    assert has_int8_dot(detect())


def test_apples_features_come_with_the_model(machine):
    machine("aarch64", {"asimd", "asimddp", "i8mm", "crc32"})
    assert detect().features == ("asimd", "asimddp", "i8mm")


def test_a_machine_that_says_nothing_has_no_features(machine):
    machine("riscv64")
    found = detect()
    assert found == Target("host", "riscv64")
    assert not has_int8_dot(found)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("avx2", False),
        ("avx512f", False),
        ("avx512_bf16", False),
        ("avx512_vnni", True),
        ("avx_vnni", True),
        ("amx_int8", True),
        ("asimd", False),
        ("asimddp", True),
        ("i8mm", True),
    ],
)
def test_int8_dot_by_feature(feature, expected):
    assert has_int8_dot(Target("t", "any", (feature,))) is expected


def test_a_gpu_does_not_help_the_cpu_beside_it():
    assert not has_int8_dot(Target("host", "x86_64", ("avx2",), sm=89))
    assert has_int8_dot(Target("sm89", "nvidia", sm=89))


def test_the_features_of_named_targets_are_ones_that_detection_gives():
    for named in NAMED.values():
        assert set(named.features) <= set(module.FEATURES), named.name


@pytest.mark.parametrize(
    ("name", "dot", "sm"),
    [
        ("x86-avx2", False, None),
        ("x86-vnni", True, None),
        ("arm64", False, None),
        ("arm64-dotprod", True, None),
        ("arm64-i8mm", True, None),
        ("jetson-orin", True, 87),
        ("jetson-thor", True, 110),
        ("sm75", True, 75),
        ("sm121", True, 121),
    ],
)
def test_named(name, dot, sm):
    found = target(name)
    assert found.name == name
    assert found.sm == sm
    assert has_int8_dot(found) is dot


def test_host_is_detected(machine):
    machine("x86_64", {"avx2"})
    assert target("host").features == ("avx2",)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="arm64-dotprd") as caught:
        target("arm64-dotprd")
    assert "arm64-dotprod" in caught.value.hint


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A program in the place of nvidia-smi that runs the given lines of shell."""

    def write(*lines):
        program = tmp_path / "nvidia-smi"
        program.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(module, "which", lambda _: str(program))

    return write


def test_gpus(nvidia_smi):
    nvidia_smi("echo '8.9, NVIDIA L4'", "echo '12.0, NVIDIA RTX PRO 6000, Server'")
    assert gpus() == ((89, "NVIDIA L4"), (120, "NVIDIA RTX PRO 6000, Server"))


@pytest.mark.parametrize(
    "lines",
    [
        ["echo 'NVIDIA-SMI has failed'", "exit 9"],
        ["echo 'No devices were found'"],
        ["echo '[N/A], Old GPU'"],
        ["exec sleep 60"],
    ],
)
def test_a_driver_that_does_not_answer_is_no_gpu(nvidia_smi, lines):
    nvidia_smi(*lines)
    assert gpus(timeout_s=0.5) == ()
