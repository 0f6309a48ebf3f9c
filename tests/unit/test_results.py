"""Results on disk: what is kept comes back, what was touched is refused, the index is a cache."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sqlite3
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.errors import DataError
from edgekit.records import (
    BenchPlan,
    BenchResult,
    Device,
    EvalResult,
    Fallback,
    Format,
    Int8Share,
    Metric,
    Precision,
    Ship,
    ShipSide,
    ShipVerdict,
    Subject,
    digest,
)
from edgekit.records.scores import Score
from edgekit.reports import bench as report
from edgekit.results import index, reading, series
from edgekit.results.store import Store
from edgekit.wire import (
    Closeness,
    EnergyWindow,
    Failure,
    MemoryMark,
    Op,
    Profile,
    Samples,
    Scenario,
    TensorSpec,
)
from tests.unit.test_storage import sealed

SCHEMA_1 = Path(__file__).parents[1] / "data" / "bench-schema-1.json"
INT64 = st.integers(-(2**63), 2**63 - 1)
RUN = "20261125T193740.125698Z"
SAMPLES = Samples(
    latency_ns=[1_000_000 + 17 * (number % 13) for number in range(400)],
    cpu_ns=[900_000] * 400,
    warmup_ns=[5, 4, 3],
    load_ns=123,
    first_ns=456,
    steady=False,
    memory=[MemoryMark("load", 1, 2, 3, 4, reset=True)],
    settings={"threads": "2"},
    versions={"numpy": "2"},
    inputs=[TensorSpec("x", (1, 3), "float32", "NC")],
    outputs=[TensorSpec("y", (None, 3), "float32")],
    defaulted={"x": [1]},
    golden=Closeness(6, 1.0, None, 0.0, 1.5, finite=True),
    output_sha256="ab",
    execution=[Op("conv", "Conv", "int8", "CPU")],
    environment={"arch": "x86_64"},
    span_ns=7,
    energy=[EnergyWindow("rapl:package-0", "package", False, 5, 6, 7)],
    parts_ns={"decode": list(range(100)), "model": [1, 2]},
)
EVAL = EvalResult(
    artifact="toy/onnx-int8",
    sha256="c" * 64,
    runtime="onnxruntime",
    images=12,
    score=Score("top1", 0.25, {"top5": 0.5}, images=12),
    agreement=None,
    skipped=("a.txt",),
)
VERDICT = ShipVerdict(
    Ship.INT8,
    ("it is faster",),
    (ShipSide(Precision.FP32, 5.0, 1.0, None, 6, None, 0, Int8Share(1, 2, None, None, ())),),
    "toy",
    Format.ONNX,
    "onnxruntime",
    2,
    1,
    9,
)


def leg(name: str = "net.onnx", run: str = RUN, **fields: Any) -> BenchResult:
    plan = BenchPlan(
        Subject(Path("models") / name, name.encode().hex().ljust(64, "0"), 3),
        "onnxruntime",
        Device(),
        threads=2,
        batch=None,
        profile=Profile(3, 1.0, 1.0, 1, 1.0, 1.0, launches=2),
        shapes={"x": [1, 3]},
        scenario=Scenario("paced", rate_per_s=30.0),
    )
    metrics = (
        Metric("latency_p50_ms", 1.5, "ms", "lower", (1.0, 2.0)),
        Metric("latency_p99_ms", None, "ms", "lower", note="n<368"),
    )
    result = BenchResult(
        plan,
        (SAMPLES, SAMPLES),
        metrics,
        valid=False,
        reasons=("too hot",),
        int8=Int8Share(1, 2, 0.5, 0.1, (Fallback("Exp", "fp32", 1, None),)),
        disturbed=("load 9",),
        run=run,
        measured_at="2026-11-25T19:37:40+00:00",
    )
    return replace(result, **fields)


FAILED = leg(
    "cut.onnx", launches=(), metrics=(), failure=Failure("load", "DataError", "m", "h", "a\nb")
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    def fault(words: str) -> None:
        raise AssertionError(words)

    return Store(tmp_path / "results", fault)


def rewritten(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a record and seal it again, as somebody who knows how would."""
    record = json.loads(path.read_text())
    change(record)
    record.pop("record_sha256", None)
    record["record_sha256"] = digest(record)
    path.write_text(json.dumps(record))


@given(st.lists(INT64))
def test_any_row_of_integers_comes_back(values: list[int]) -> None:
    assert series.unpack(json.loads(json.dumps(series.pack(values)))) == values


@given(st.lists(INT64 | st.text(max_size=3) | st.lists(INT64, max_size=40), max_size=40))
def test_only_long_rows_are_packed(value: Any) -> None:
    assert series.unpacked(series.packed(value)) == value
    assert series.packed([1] * 10) == [1] * 10
    assert series.packed([2**64] * 99) == [2**64] * 99
    assert series.packed([True] * 99) == [True] * 99


def test_a_leg_comes_back_whole(store: Store, tmp_path: Path) -> None:
    artifact = sealed(tmp_path / "toy" / "onnx-int8")
    subject = Subject(artifact.model, artifact.sha256, artifact.size_bytes, artifact)
    result = leg()
    for kept in (result, replace(result, plan=replace(result.plan, subject=subject)), FAILED):
        held = reading.read(store.save(kept))
        assert held.results == (kept,)
    assert [entry.name for entry in store.find()] == ["cut.onnx", "toy/onnx-int8", "net.onnx"]


def test_a_record_is_readable_but_for_its_long_rows(store: Store) -> None:
    record = json.loads(store.save(leg()).read_text())
    assert (record["schema_version"], record["record"], record["run"]) == (4, "bench", RUN)
    assert record["metrics"] == {"latency_p50_ms": 1.5, "latency_p99_ms": None}
    launch = record["launches"][1]
    assert launch["warmup_ns"] == [5, 4, 3]
    assert {"encoding", "count", "data"} == set(launch["latency_ns"])
    assert launch["parts_ns"]["decode"]["count"] == 100


def test_other_results_come_back(store: Store) -> None:
    store.save(leg())
    assert reading.read(store.save(VERDICT, RUN)).verdicts == (VERDICT,)
    assert store.accuracy_of(EVAL.sha256) is None
    store.save(replace(EVAL, images=3))
    store.save(EVAL)
    assert store.accuracy_of(EVAL.sha256) == EVAL
    assert store.accuracy_of("") is None
    assert [entry.run for entry in store.find("verdict")] == [RUN]
    assert len(store.find()) == 1


def test_an_older_evaluation_is_read(tmp_path: Path) -> None:
    old = {
        "schema_version": 3, "record": "eval", "run": "", "measured_at": "", "artifact": "toy/onnx",
        "sha256": "c" * 64, "runtime": "onnxruntime", "images": 12, "top1": 0.25, "top5": 0.5,
        "agreement": 0.75, "skipped": ["a.txt"], "data_sha256": "d", "device": "local",
    }  # fmt: skip
    path = tmp_path / "old.json"
    path.write_bytes(msgspec.json.encode({**old, "record_sha256": digest(old)}))
    (found,) = reading.read(path).accuracies
    assert (found.metric, found.value, found.agreement, found.float32) == (
        "top1",
        0.25,
        0.75,
        None,
    )
    assert found.score == Score("top1", 0.25, {"top5": 0.5}, images=12)
    blank = {**old, "top1": None, "top5": None}
    path.write_bytes(msgspec.json.encode({**blank, "record_sha256": digest(blank)}))
    (found,) = reading.read(path).accuracies
    assert (found.score, found.value) == (None, None)
    saved = tmp_path / "saved.json"
    printed = {**report.as_json([leg()]), "schema_version": 3, "accuracies": [old]}
    saved.write_bytes(msgspec.json.encode(printed))
    assert [each.value for each in reading.read(saved).accuracies] == [0.25]


def test_what_bench_printed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    printed = report.as_json([leg(), FAILED], [VERDICT], {EVAL.sha256: EVAL})
    path.write_bytes(msgspec.json.encode(printed))
    held = reading.read(path)
    assert held.results == (leg(), FAILED)
    assert (held.verdicts, held.accuracies) == ((VERDICT,), (EVAL,))


def test_what_an_older_edgekit_printed_is_read() -> None:
    held = reading.read(SCHEMA_1)
    fp32, int8, cut = held.results
    assert (fp32.schema_version, fp32.plan.scenario.mode, fp32.plan.threads) == (4, "latency", 1)
    assert fp32.plan.device.name == "local"
    (launch,) = fp32.launches
    assert (len(launch.latency_ns), launch.memory[-1].phase, launch.batch) == (20, "steady", 1)
    p50 = fp32.metrics[0]
    assert (p50.name, p50.value, p50.unit, p50.better) == (
        "latency_p50_ms", 0.058339, "ms", "lower",
    )  # fmt: skip
    assert p50.interval == (0.056856, 0.061515)
    assert {metric.name for metric in fp32.metrics if metric.better == "higher"} == {
        "throughput_per_s", "agreement", "sqnr_db",
    }  # fmt: skip
    assert int8.int8 is not None
    assert int8.int8.computing_ops == 12
    assert cut.failure is not None
    assert (cut.failure.stage, cut.failure.kind, cut.plan.subject.name) == (
        "load", "DataError", "cut.onnx",
    )  # fmt: skip
    assert [verdict.choice for verdict in held.verdicts] == [Ship.FP32]
    assert "cut.onnx" in report.render(held.results, held.verdicts)
    # And what it is now is read again.
    assert report.as_json(held.results)["schema_version"] == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no result"),
        (b"[", "no result"),
        (b"[]", "no object"),
        (b"null", "no object"),
        (b"\xff\xfe", "no result"),
        (b"[" * 100_000, "no result"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "schema_version"),
        (b'{"results": []}', "schema_version"),
        (b'{"schema_version": 2, "results": 1, "failures": []}', "no result"),
        (b'{"schema_version": 2, "results": [1], "failures": []}', "no result"),
        (b'{"schema_version": 1, "results": [{}], "failures": []}', "no result"),
        (b'{"schema_version": "2", "results": []}', "schema_version is '2'"),
        (b'{"schema_version": true, "results": []}', "schema_version is True"),
        (b'{"schema_version": 1e999, "results": []}', "no result"),
        (b'{"schema_version": 9, "results": []}', "reads up to 4"),
        (b'{"schema_version": 9, "record": "bench"}', "pip install -U edgekit-ml"),
        (b'{"schema_version": 2, "record": "bench"}', "record_sha256"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        reading.read(path)
    assert "some.json" in str(caught.value)
    assert words in f"{caught.value} {caught.value.hint}"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", tmp_path, tmp_path / "none.json", Path("/dev/zero")):
        with pytest.raises(DataError, match=str(path)):
            reading.read(path)


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_BYTES", 1000)
    (tmp_path / "big.json").write_bytes(b"[" + b"1," * 1000)
    with pytest.raises(DataError, match="more than 1000 bytes"):
        reading.read(tmp_path / "big.json")
    with pytest.raises(DataError, match="more than can be read again"):
        Store(tmp_path).save(leg())


def test_a_changed_record_is_refused(store: Store) -> None:
    path = store.save(leg())
    path.write_text(path.read_text().replace('"latency_p50_ms": 1.5', '"latency_p50_ms": 0.5'))
    with pytest.raises(DataError, match="was changed"):
        reading.read(path)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"count": 2**40}, "more than"),
        ({"count": 399}, "another length"),
        ({"count": 401}, "another length"),
        ({"count": -1}, "how many"),
        ({"count": "400"}, "how many"),
        ({"count": True}, "how many"),
        ({"data": "%%%"}, "no result"),
        ({"data": "AAAA"}, "broken"),
        ({"data": 5}, "broken"),
        ({"data": series.pack([0] * 10**6)["data"]}, "another length"),
        ({"encoding": "rot13"}, "no result"),
    ],
)
def test_a_broken_row_is_refused(store: Store, row: dict[str, Any], words: str) -> None:
    path = store.save(leg())
    rewritten(path, lambda record: record["launches"][0]["latency_ns"].update(row))
    with pytest.raises(DataError, match=words):
        reading.read(path)


def test_a_row_takes_no_more_memory_than_it_says() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(64 * 2**20))).decode()
    tracemalloc.start()
    with pytest.raises(ValueError, match="another length"):
        series.unpack({"encoding": series.ENCODING, "count": 10, "data": bomb})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2**20


def test_a_leg_that_holds_nothing_is_refused(store: Store) -> None:
    for launches in ((), (replace(SAMPLES, latency_ns=[]),)):
        with pytest.raises(DataError, match="neither a measurement nor a failure"):
            reading.read(store.save(leg(launches=launches)))


def test_text_can_not_steer_a_terminal(store: Store) -> None:
    path = store.save(replace(FAILED, reasons=("\x1b[2Jgone",), disturbed=("a\nb",)))
    (result,) = reading.read(path).results
    assert result.reasons == (" [2Jgone",)
    assert result.disturbed == ("a\nb",)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        place
        for name, item in items
        for place in [(*path, name), *(_places(item, (*path, name)) if item and isinstance(item, dict | list) else [])]
    ]  # fmt: skip


ANY_JSON: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 2**70, 1e308, "", "\x1b", "\ud7ff", [], {}, [[]], {"encoding": "zlib-delta-i64"}]
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_record_of_anything_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    store = Store(tmp_path)
    path = store.save(leg(launches=(replace(SAMPLES, latency_ns=[1], cpu_ns=[1]),)))
    places = _places(json.loads(path.read_text()))

    def change(record: dict[str, Any]) -> None:
        *way, last = data.draw(st.sampled_from(places))
        inner: Any = record
        for step in way:
            inner = inner[step]
        inner[last] = data.draw(ANY_JSON)

    rewritten(path, change)
    try:
        held = reading.read(path)
    except DataError:
        held = reading.Holding()
    report.render(held.results)
    # Whatever it is, asking the store tells of it or gives it.
    store.find()
    path.unlink()


def test_the_store_finds_by_whatever_is_known(store: Store) -> None:
    later = "20261126T000000.000000Z"
    for result in (leg("a.onnx"), leg("b.onnx"), leg("a.onnx", later)):
        store.save(result)

    def names(**question: Any) -> list[str]:
        return [f"{entry.run[7]}{entry.name}" for entry in store.find(**question)]

    assert names() == ["6a.onnx", "5b.onnx", "5a.onnx"]
    assert names(limit=1) == ["6a.onnx"]
    assert names(run=RUN) == names(run="20261125") == ["5b.onnx", "5a.onnx"]
    assert names(artifact="a.onnx") == names(artifact="models/a.onnx") == ["6a.onnx", "5a.onnx"]
    assert names(artifact="612e6f") == ["6a.onnx", "5a.onnx"]
    assert names(artifact="612e6") == []
    assert names(runtime="litert") == names(artifact="%") == names(run="_") == []
    assert [[leg.name for leg in run] for run in store.runs()] == [
        ["a.onnx"],
        ["a.onnx", "b.onnx"],
    ]
    (entry,) = store.find(run=later)
    assert (entry.format, entry.mode, entry.threads, entry.batch, entry.valid) == (
        "onnx", "paced", 2, 1, False,
    )  # fmt: skip
    assert (entry.p50_ms, entry.failure, entry.size_bytes) == (1.5, None, 3)


def test_there_is_no_store_yet(store: Store) -> None:
    assert store.find() == []
    assert not store.folder.exists()


def _corrupt(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"junk" * 2000)


def _of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET name = 'old'")
        connection.execute("PRAGMA user_version = 7")
    connection.close()


def _of_another_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE entries")
        connection.execute("CREATE TABLE entries (poem)")
    connection.close()


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "spoil", [Path.unlink, _corrupt, _of_another_version, _of_another_table, _half, _a_folder]
)
def test_the_index_is_made_again(store: Store, spoil: Callable[[Path], Any]) -> None:
    store.save(leg())
    found = store.find()
    path = store.folder / index.NAME
    spoil(path)
    assert store.find() == found
    if path.is_file():
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT name FROM entries").fetchall() == [("net.onnx",)]


def test_the_index_follows_the_records(store: Store) -> None:
    first = store.save(leg("a.onnx"))
    store.save(leg("b.onnx"))
    assert len(store.find()) == 2
    first.unlink()
    assert [entry.name for entry in store.find()] == ["b.onnx"]
    (only,) = store.folder.glob("2*.json")
    rewritten(only, lambda record: record["artifact"].update(file="models/c.onnx"))
    assert [entry.name for entry in store.find()] == ["c.onnx"]


def test_a_broken_record_is_told_and_the_others_are_found(tmp_path: Path) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    broken = store.save(leg("a.onnx"))
    store.save(leg("b.onnx"))
    broken.write_text("{")
    (tmp_path / "notes.txt").write_text("mine")
    for _ in range(2):
        assert [entry.name for entry in store.find()] == ["b.onnx"]
    (fault,) = told
    assert broken.name in fault


def test_where_the_index_can_not_be_written_records_are_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(leg())

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(filelock, "FileLock", refuse)
    assert [entry.name for entry in store.find()] == ["net.onnx"]
    assert not (store.folder / index.NAME).exists()


def test_who_writes_and_who_asks_do_not_wait_for_each_other(store: Store) -> None:
    def work(number: int) -> None:
        mine = Store(store.folder)
        for leg_number in range(4):
            mine.save(leg(f"{leg_number}.onnx", f"run-{number}"))
            assert len(mine.find(run=f"run-{number}")) == leg_number + 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.find()) == 16
    assert len(store.runs()) == 4
    assert not list(store.folder.glob("*.part"))
