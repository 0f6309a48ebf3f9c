"""Files and folders that the user may not read: a sentence, never a traceback."""

import pytest

from tests import unprivileged


@pytest.fixture
def closed(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "weights.pth").write_bytes(b"")
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def check(done, path):
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    assert f"{path} can't be read: Permission denied" in done.stderr
    assert "hint: " in done.stderr


def test_doctor_below_a_folder_that_is_closed(closed):
    check(unprivileged.run_cli("doctor", "--out", closed / "out"), closed / "out")


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_weights_that_are_closed(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    path.chmod(0)
    check(unprivileged.run_cli("export", "toy", "--weights", path, "--out", tmp_path), path)


def test_weights_in_a_folder_that_is_closed(closed, tmp_path):
    path = closed / "weights.pth"
    check(unprivileged.run_cli("export", "toy", "--weights", path, "--out", tmp_path), path)
