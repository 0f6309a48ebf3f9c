"""Networks that read text, from the command line: export, eval, bench, inspect, bad input."""

import json
import shutil

import numpy as np
import pytest

from edgekit import storage

pytest.importorskip("transformers")

NO_VERDICT = ("--no-verdict",)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("text") / "exported"


@pytest.fixture(scope="module")
def bert(out, run_json):
    """The tiny encoder in float and int8."""
    report = run_json(
        *("export", "bert:tiny", "--format", "onnx,openvino", "--precision", "int8"),
        *(*NO_VERDICT, "--out", out),
    )
    assert report["failures"] == []
    return out / "bert-tiny"


@pytest.fixture(scope="module")
def gpts(out, run_json):
    """The tiny decoder without a cache and with one: two files."""
    for head in ("next-token", "next-token-cached"):
        report = run_json(
            *("export", "gpt:tiny", "--head", head, "--format", "onnx"),
            *("--precision", "int8", *NO_VERDICT, "--out", out),
        )
        assert report["failures"] == []
    return out / "gpt-tiny", out / "gpt-tiny-next-token-cached"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    lines = [
        "a cat sleeps\ta cat is asleep\t5",
        "a cat sleeps\tthe bank is closed\t0",
        "it rains today\tit is raining today\t4.5",
        "it rains today\t7 + 8 = 15\t0.5",
        "the bank is closed\tthe bank has closed\t4",
        "the bank is closed\tthe cat is awake\t1",
    ]
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_artifact_carries_its_tokenizer_and_says_what_it_takes(bert):
    for name in ("onnx-int8", "openvino-int8", "onnx-fp32"):
        artifact = storage.load(bert / name)
        assert artifact.preprocess is None
        assert artifact.tokens is not None
        assert (artifact.tokens.vocabulary, artifact.tokens.max_tokens) == (259, 64)
        tokenizer = artifact.file("tokenizer")
        assert tokenizer is not None
        assert storage.file_sha256(tokenizer) == artifact.tokens.tokenizer_sha256
        assert [(i.name, i.dtype, i.shape, i.layout) for i in artifact.inputs] == [
            ("input_ids", "int64", (None, None), "NL"),
            ("attention_mask", "int64", (None, None), "NL"),
        ]
        assert artifact.parity is not None
        assert artifact.parity.passed
    recipe = storage.load(bert / "onnx-int8").recipe
    assert recipe is not None
    assert recipe.scheme == "w8-dynamic"


def test_without_its_tokenizer_it_is_no_artifact(bert, tmp_path, run_cli):
    copy = shutil.copytree(bert / "onnx-fp32", tmp_path / "onnx-fp32")
    (copy / "tokenizer.json").unlink()
    done = run_cli("inspect", copy)
    assert done.returncode == 6
    assert "tokenizer.json is missing" in done.stderr


def test_pairs_are_ranked_as_by_the_float_model(bert, pairs, run_json, run_cli):
    report = run_json("eval", bert / "onnx-int8", "--data", pairs)
    assert (report["metric"], report["images"]) == ("spearman", 6)
    assert report["agreement"] >= 0.8
    assert -1.0 <= report["score"]["value"] <= 1.0
    done = run_cli("eval", bert / "openvino-fp32", "--data", pairs, "--metric", "spearman")
    assert done.returncode == 0, done.stderr
    assert "1.0000" in done.stdout


def test_a_suite_ranks_pairs_of_texts_once(bert, pairs, tmp_path, run_cli):
    shutil.copytree(bert, tmp_path / "out" / "host" / "bert-tiny")
    shutil.copy(pairs, tmp_path / "pairs.tsv")
    suite = tmp_path / "suite.toml"
    suite.write_text(
        'formats = ["onnx", "litert"]\nprecisions = ["fp32", "int8"]\n'
        'models = [{ name = "bert:tiny" }]\n'
        'evaluate = { data = "photos", pairs = "pairs.tsv" }\n'
    )
    options = ("--out", tmp_path / "out", "--results", tmp_path / "results")
    done = run_cli("sweep", suite, *options, "--json")
    cells = {f"{c['format']}-{c['precision']}": c for c in json.loads(done.stdout)["cells"]}
    for name in ("onnx-fp32", "onnx-int8"):
        cell = cells.pop(name)
        assert (cell["model"], cell["failures"]) == ("bert-tiny", [])
        assert cell["artifact"]["cached"]
        assert cell["accuracy"]["metric"] == "spearman"
        assert cell["accuracy"]["agreement"] > 0.5
    for cell in cells.values():  # LiteRT fixes the length
        assert "is free" in cell["failures"][0]["message"]
    assert "pairs.tsv through bert-tiny/onnx-int8" in done.stderr
    again = run_cli("sweep", suite, *options)
    assert again.returncode == done.returncode == 2
    assert " through bert-tiny" not in again.stderr


def test_static_int8_is_calibrated_on_lines_of_text(bert, tmp_path, pairs, run_json, run_cli):
    lines = tmp_path / "lines.txt"
    texts = [f"text number {number} of some" for number in range(40)]
    lines.write_text("\n".join([*texts, "it rains today", "x" * 100]))
    common = (
        *("export", "bert:tiny", "--format", "onnx", "--precision", "int8", *NO_VERDICT),
        *("--recipe", "w8a8-static", "--calib", lines, "--out", tmp_path / "out"),
    )
    done = run_cli(*common)
    assert done.returncode == 6
    assert "lines.txt, line 42: the text has 102 tokens; the network takes 64" in done.stdout
    assert "--cut" in done.stdout
    run_json(*common, "--cut")
    artifact = storage.load(tmp_path / "out" / "bert-tiny" / "onnx-int8")
    assert artifact.calibration is not None
    assert len(artifact.calibration.files) == 42
    assert artifact.recipe is not None
    assert any(layer.reason for layer in artifact.recipe.float_layers)
    done = run_cli("eval", artifact.path, "--data", pairs)
    assert done.returncode == 6
    assert "was calibrated on 2 of these texts: line 3, line 4" in done.stderr


def test_bench_takes_a_length_and_checks_the_golden_sample(bert, run_json):
    report = run_json(
        *("bench", bert / "onnx-fp32", "--profile", "quick", "--threads", "1"),
        *("--shape", "input_ids=2,48"),
    )
    (result,) = report["results"]
    (samples,) = result["launches"]
    assert [spec["shape"] for spec in samples["inputs"]] == [[2, 48], [2, 48]]
    assert samples["golden"]["images"] == 6
    assert samples["golden"]["sqnr_db"] > 60
    assert samples["finite"]


def test_a_decoder_with_a_cache_goes_on_where_the_one_without_would(gpts):
    import onnxruntime

    plain, cached = (
        onnxruntime.InferenceSession(storage.load(folder / "onnx-fp32").model) for folder in gpts
    )
    ids = np.random.default_rng(0).integers(0, 259, (2, 9))
    (expected,) = plain.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    names = [spec.name for spec in cached.get_inputs()]
    kept = [np.zeros((2, spec.shape[1], 0, spec.shape[3]), np.float32)
            for spec in cached.get_inputs()[2:]]  # fmt: skip
    scores = np.zeros(0)
    for start, end in ((0, 5), (5, 6), (6, 7), (7, 8), (8, 9)):
        mask = np.ones((2, end), np.int64)
        feeds = dict(zip(names, [ids[:, start:end], mask, *kept], strict=True))
        scores, *kept = cached.run(None, feeds)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_parity_is_over_keys_and_values_too(gpts):
    with np.load(gpts[1] / "onnx-int8" / "golden.npz") as golden:
        assert golden["input:attention_mask"].shape == (6, 33)
        assert golden["input:past_key_0"].shape == (6, 4, 32, 8)
        assert sorted(name for name in golden if name.startswith("output:")) == [
            f"output:{index}" for index in range(5)
        ]


def test_a_cache_is_as_long_as_the_mask_says(gpts, run_json):
    report = run_json(
        *("bench", gpts[1] / "onnx-int8", "--profile", "quick", "--threads", "1"),
        *("--shape", "input_ids=1,1", "--shape", "attention_mask=1,50"),
    )
    (result,) = report["results"]
    (samples,) = result["launches"]
    shapes = {spec["name"]: spec["shape"] for spec in samples["inputs"]}
    assert shapes["past_value_1"] == [1, 4, 49, 8]
    assert samples["golden"]["images"] == 6
    assert samples["golden"]["sqnr_db"] > 30
    assert samples["finite"]


def test_inspect_says_what_a_text_goes_through(bert, run_cli):
    done = run_cli("inspect", bert / "openvino-int8")
    assert done.returncode == 0, done.stderr
    assert "ids below 259, up to 64 tokens, pooled: mean" in done.stdout


def test_bad_input(bert, gpts, pairs, tmp_path, run_cli):
    long = tmp_path / "long.tsv"
    long.write_text(f"short\t{'y' * 90}\nshort\tanother\n")
    cases = [
        (("eval", bert / "onnx-fp32", "--data", long), 6, "line 1: the text has 92 tokens"),
        (("eval", bert / "onnx-fp32", "--data", tmp_path / "none.tsv"), 6, "none.tsv"),
        (("eval", bert / "onnx-fp32", "--data", pairs, "--metric", "top1"), 2, "has no top1"),
        (("eval", gpts[0] / "onnx-fp32", "--data", pairs), 2, "no metric says how good"),
        (("export", "bert:nowhere", "--out", tmp_path), 2, "there is no folder nowhere"),
        (("export", f"bert:{tmp_path}", "--out", tmp_path), 6, "holds no config.json"),
        (("export", "bert:tiny", "--format", "litert", "--out", tmp_path), 2, "can't be exported"),
        (("export", "bert:tiny", "--input-size", "32", "--out", tmp_path), 2, "--input-size"),
        (("export", "gpt:tiny", "--head", "embed", "--out", tmp_path), 2, "next-token-cached"),
        (("export", "bert:tiny", "--recipe", "w8a8-static", "--int8", "--calib", tmp_path,
          "--out", tmp_path), 6, "is a folder"),
        (("bench", bert / "onnx-fp32", "--shape", "input_ids=1,65"), 2, "the network takes 64"),
        (("bench", bert / "onnx-fp32", "--end-to-end"), 2, "reads text"),
    ]  # fmt: skip
    for arguments, status, word in cases:
        done = run_cli(*arguments)
        assert done.returncode == status, (arguments, done.stderr)
        assert word in done.stderr
        assert "hint:" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_text_that_is_cut_is_evaluated(bert, tmp_path, run_cli):
    long = tmp_path / "long.tsv"
    long.write_text(f"short\t{'y' * 90}\nshort\tanother\n")
    done = run_cli("eval", bert / "onnx-fp32", "--data", long, "--cut", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["score"] is None
    assert found["notes"] == ["1 of 4 texts were cut to 64 tokens"]
