"""`edgekit doctor` as a user runs it."""

import platform

from edgekit.registry import Registry
from edgekit.workflows import doctor as module


def test_the_machine(run_json, tmp_path):
    found = run_json("doctor", "--out", tmp_path / "not" / "there" / "yet")
    assert found["machine"]["python"] == platform.python_version()
    assert found["target"]["name"] == "host"
    assert found["disk_free_bytes"] > 0
    assert isinstance(found["int8_dot"], bool)
    for disturbance in found["disturbances"]:
        assert disturbance["what"]
        assert disturbance["mend"]


def test_every_adapter_is_listed(run_json):
    listed = {(row["kind"], row["name"]) for row in run_json("doctor")["parts"]}
    registries = [value for value in vars(module).values() if isinstance(value, Registry)]
    assert len(registries) == 5
    assert listed == {(kind.kind, name) for kind in registries for name in kind.names()}


def test_what_is_missing_comes_with_the_command(run_json):
    for row in run_json("doctor")["parts"]:
        modules = [name for name in row["missing"] if name != "an NVIDIA GPU"]
        assert bool(row["install"]) == bool(modules)
        if modules:
            assert row["install"].startswith("pip install 'edgekit-ml[")


def test_for_people(run_cli):
    done = run_cli("doctor")
    assert done.returncode == 0
    assert "onnxruntime" in done.stdout
    assert "disturb a measurement" in done.stdout
    assert done.stderr == ""
