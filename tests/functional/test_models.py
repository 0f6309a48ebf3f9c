"""`edgekit models` as a user runs it."""

from __future__ import annotations

IMPORTED = """
import json, sys
from typer.testing import CliRunner
from edgekit.cli.app import app
assert CliRunner().invoke(app, ["models"]).exit_code == 0
print(json.dumps([name for name in ("torch", "timm", "transformers") if name in sys.modules]))
"""


def test_the_short_names_are_listed_without_a_framework(run_python):
    assert run_python(IMPORTED) == []


def test_the_short_names(run_cli):
    done = run_cli("models")
    assert done.returncode == 0
    assert done.stderr == ""
    for word in ("mobilenet", "efficientnet", "tf_efficientnet_lite0", "385.2", "random only"):
        assert word in done.stdout
    for words in ("max tokens", "all-MiniLM-L6-v2", "segment-fpn, detect", "next-token-cached"):
        assert words in done.stdout


def test_json_is_the_record(run_json):
    found = run_json("models")
    assert found["schema_version"] >= 1
    first = found["models"][0]
    assert first.keys() == {
        "name", "family", "backbone", "parameters", "macs", "input_size", "weights",
        "heads",
    }  # fmt: skip
    assert {"toy", "vit", "resnet"} <= {model["name"] for model in found["models"]}
    assert "detect" in first["heads"]
    assert [model["name"] for model in found["texts"]] == ["bert", "gpt", "bert:tiny", "gpt:tiny"]
    assert all(model["max_tokens"] for model in found["texts"])


def test_a_pattern_finds_exact_names_and_counts_them(run_json):
    found = run_json("models", "mobilenet_v3")
    macs = {model["name"]: model["macs"] for model in found["models"]}
    assert {name: macs[name] for name in macs if name.startswith("torchvision:")} == {
        "torchvision:mobilenet_v3_large": 216_589_760,
        "torchvision:mobilenet_v3_small": 56_510_400,
    }
    # Whole detectors, each more than its backbone.
    whole = [number for name, number in macs.items() if name.startswith("detectors:")]
    assert {tuple(model["heads"]) for model in found["models"]} == {
        ("classify", "embed"), ("detect-rcnn",), ("detect-ssd",),
    }  # fmt: skip
    assert len(whole) == 3
    assert min(whole) > 216_589_760
    assert found["more"] == []


def test_what_is_not_counted_is_said(run_cli):
    done = run_cli("models", "resnet18*")
    assert done.returncode == 0, done.stderr
    assert "resnet18.a1_in1k" in done.stdout
    assert "torchvision:resnet18" in done.stdout
    assert "toy" not in done.stdout


def test_no_match_names_the_nearest(run_cli):
    done = run_cli("models", "mobilnet")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no model matches 'mobilnet'" in done.stderr
    assert "hint: did you mean mobilenet" in done.stderr
