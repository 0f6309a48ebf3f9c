"""The story of a history: what is measured against what, when, and what is said of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit import storage
from edgekit.errors import UsageError
from edgekit.records import Timing
from edgekit.records.history import Past
from edgekit.records.trends import State
from edgekit.results.history import Directory
from edgekit.workflows import additions
from edgekit.workflows import history as story
from edgekit.workflows.commits import commit
from edgekit.workflows.fingerprints import fingerprint
from tests.histories import measured, of, past, stepped, write

TIMING = Timing(
    ratio=1.0, interval=(0.99, 1.01), p_slower=1.0, cpu_ratio=1.0, cpu_interval=None,
    floor_ratio=1.0, tail_ratio=1.0, base_ms=1.0, head_ms=1.0, launches=(1.0,) * 6,
    cpu_launches=(1.0,) * 6, rounds=60, seconds=1.0, machine="quiet",
)  # fmt: skip


class Bench:
    """A folder with files to compare, a history, and a stand-in for the measurement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Directory(folder / "history")
        # The latency of each file, by its content.
        self.ms = {"old": 1.0, "new": 2.0, "head": 1.0}
        self.compared: list[tuple[str, str]] = []
        self.fixed_ratio: Callable[[], float] | None = None

    def file(self, name: str) -> Path:
        path = self.folder / f"{name}.onnx"
        path.write_text(name)
        return path

    def fixed(self, base, head, seconds, seed=0, on_event=lambda _: None) -> Timing:
        pair = [plan.subject.path.read_text() for plan in (base, head)]
        self.compared.append((pair[0], pair[1]))
        ratio = self.fixed_ratio() if self.fixed_ratio else self.ms[pair[1]] / self.ms[pair[0]]
        return replace(TIMING, ratio=ratio, interval=(ratio * 0.99, ratio * 1.01))

    def add(self, *references: str, **other):
        request = additions.AddRequest(
            head=self.file("head"),
            references=tuple(self.file(name) for name in references),
            place=self.place,
            threads=1,
            repository=self.folder,
        )
        return additions.add(replace(request, **other))

    def pin(self, name: str):
        return story.pin(self.file(name), self.place, self.folder)


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setattr("edgekit.workflows.duels.fixed", made.fixed)
    return made


def git(folder: Path, *words: str) -> str:
    whole = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
    done = subprocess.run(whole, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_commit_is_measured_against_the_reference_and_kept(bench):
    bench.pin("old")
    bench.ms["head"] = 1.5
    found = bench.add("old")
    assert bench.compared == [("old", "head")]
    (one,) = bench.place.past().measurements
    assert (one.ratio, one.commit, one.position) == (1.5, "1", 1)
    assert one.reference_sha256 == storage.file_sha256(bench.file("old"))
    assert one.head_sha256 == storage.file_sha256(bench.file("head"))
    assert one.series.name == "head.onnx, onnxruntime, 1 thread"
    assert (found.alerts[0].typical, found.slower, found.notes) == (None, False, ())


def test_ten_commits_are_needed_before_anything_is_slower(bench):
    bench.pin("old")
    for number in range(1, 10):
        assert not bench.add("old").slower, number
    bench.ms["head"] = 1.05
    assert not bench.add("old").slower
    found = bench.add("old")
    assert found.slower
    (alert,) = found.alerts
    assert (alert.before, alert.typical, alert.again) == (10, pytest.approx(1.0), True)
    assert alert.bound == pytest.approx(1.03)
    # What is allowed decides.
    assert not bench.add("old", max_slowdown=0.06).slower


def test_what_is_beyond_by_chance_is_measured_again_and_passes(bench):
    bench.pin("old")
    for _ in range(10):
        bench.add("old")
    drawn = iter([1.5, 1.01, 1.02])
    bench.fixed_ratio = lambda: next(drawn)
    found = bench.add("old")
    (alert,) = found.alerts
    assert (found.slower, alert.again, alert.measurement.ratio) == (False, True, 1.01)
    # Both are kept, and the commit counts once.
    assert len(bench.place.past().measurements) == 12
    assert bench.add("old").alerts[0].before == 11


def test_a_commit_that_is_measured_again_is_not_compared_with_itself(bench):
    bench.pin("old")
    for number in range(10):
        bench.add("old", commit=f"c{number}")
    bench.ms["head"] = 1.2
    first, second = (bench.add("old", commit="c10") for _ in range(2))
    assert first.slower
    assert second.slower
    positions = {one.commit: one.position for one in bench.place.past().measurements}
    assert list(positions.values()) == list(range(1, 12))


def test_a_reference_that_is_not_pinned_is_refused_before_anything_is_measured(bench):
    bench.pin("old")
    with pytest.raises(UsageError, match="not pinned") as refused:
        bench.add("new")
    assert "edgekit history pin" in refused.value.hint
    assert "old.onnx" in str(refused.value)
    assert bench.compared == []


def test_a_reference_is_pinned_once(bench):
    assert (bench.pin("old").number, bench.pin("new").number) == (1, 2)
    with pytest.raises(UsageError, match="already"):
        bench.pin("old")


def test_two_references_overlap_for_twenty_commits(bench):
    bench.pin("old")
    for _ in range(12):
        bench.add("old")
    bench.pin("new")
    # Said as soon as the old one is missing.
    (note,) = bench.add("new").notes
    assert "0 of 20" in note
    assert "old.onnx" in note
    assert "give both" in note
    for number in range(1, 20):
        (note,) = bench.add("new", "old").notes
        assert f"{number} of 20" in note
        assert "give both" not in note
    assert bench.compared[-2:] == [("new", "head"), ("old", "head")]
    (note,) = bench.add("new", "old").notes
    assert "isn't needed any more" in note
    found = bench.add("new")
    assert found.notes == ()
    # Judged by the past that was measured against the old one, too.
    assert found.alerts[0].before == 33
    bench.ms["head"] = 1.1
    assert bench.add("new").slower


def test_a_new_kind_of_machine_begins_a_segment_and_that_is_said(bench, monkeypatch):
    bench.pin("old")
    for _ in range(11):
        bench.add("old")
    real = fingerprint

    def other(runtime):
        kind = real(runtime)
        return replace(kind, digest="f" * 64, facts={**kind.facts, "cpu": "EPYC"})

    monkeypatch.setattr("edgekit.workflows.additions.fingerprint", other)
    bench.ms["head"] = 9.0
    found = bench.add("old")
    (note,) = found.notes
    assert "new kind of machine" in note
    assert "'EPYC'" in note
    assert (found.slower, found.alerts[0].before) == (False, 0)
    assert bench.add("old").notes == ()


def test_broken_lines_are_told_and_the_rest_is_used(bench):
    bench.pin("old")
    bench.add("old")
    (bench.place.folder / "broken.jsonl").write_text("{")
    found = bench.add("old")
    assert len(found.faults) == 1
    assert found.alerts[0].before == 1


def test_the_position_is_the_number_of_first_parents(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    for number in range(3):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", str(number))
    git(tmp_path, "checkout", "-q", "-b", "side", "HEAD~2")
    for number in range(3):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", f"side {number}")
    git(tmp_path, "checkout", "-q", "main")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "merge", "side")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit("", Past(), tmp_path) == (head, 4)
    assert commit("HEAD~1", Past(), tmp_path)[1] == 3
    assert commit(head[:8], Past(), tmp_path) == (head, 4)
    with pytest.raises(UsageError, match="no commit 'nothing'"):
        commit("nothing", Past(), tmp_path)
    with pytest.raises(UsageError, match="no commit '--all'"):
        commit("--all", Past(), tmp_path)


def test_a_shallow_clone_is_refused_with_what_makes_it_whole(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main", "whole")
    with pytest.raises(UsageError, match="no commit yet"):
        commit("", Past(), tmp_path / "whole")
    for number in range(2):
        git(tmp_path / "whole", "commit", "-q", "--allow-empty", "-m", str(number))
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{tmp_path / 'whole'}", "shallow")
    with pytest.raises(UsageError, match="shallow") as refused:
        commit("", Past(), tmp_path / "shallow")
    assert "fetch-depth: 0" in refused.value.hint


def test_without_a_repository_commits_are_numbered(tmp_path):
    known = past(measured(7, 1.0, commit="v1.7"))
    assert commit("", known, tmp_path) == ("8", 8)
    assert commit("v1.8", known, tmp_path) == ("v1.8", 8)
    assert commit("v1.7", known, tmp_path) == ("v1.7", 7)


def test_the_fingerprint_hangs_on_the_machine_and_the_runtime_only(tmp_path):
    first = fingerprint("onnxruntime")
    assert fingerprint("onnxruntime") == first
    assert fingerprint("openvino").digest != first.digest
    assert "onnxruntime " in first.facts["runtime"]
    cpus = "model name : Some CPU\nflags : avx2{}\n"
    kinds = {}
    for name, flag in {"bare": "", "guest": " hypervisor"}.items():
        root = tmp_path / name
        (root / "proc").mkdir(parents=True)
        (root / "proc/cpuinfo").write_text(cpus.format(flag))
        kinds[name] = fingerprint("onnxruntime", root)
    assert kinds["bare"].facts["virtual"] == "no"
    assert kinds["guest"].facts["virtual"] == "yes"
    assert kinds["bare"].facts["cpu"] == "Some CPU"
    assert kinds["bare"].digest != kinds["guest"].digest


def test_an_accepted_slowdown_fails_no_more(tmp_path):
    folder = write(tmp_path / "history", of(stepped(60, 45, 0.05, 3)))
    place = Directory(folder)
    ((_, change),) = story.trend(place.past(), 0.03).failing
    story.accept(change.bad, "a better model", place, tmp_path)
    found = story.trend(place.past(), 0.03)
    assert found.failing == ()
    (change,) = found.segments[0].changes
    assert (change.state, change.reason) == (State.ACCEPTED, "a better model")
    # The next one isn't.
    write(folder, of([1.15] * 10, 61))
    ((_, change),) = story.trend(place.past(), 0.03).failing
    assert change.index == 60


def test_a_commit_that_was_never_measured_has_nothing_to_accept(tmp_path):
    place = Directory(write(tmp_path / "history", of([1.0])))
    with pytest.raises(UsageError, match="never measured"):
        story.accept("other", "why not", place, tmp_path)
