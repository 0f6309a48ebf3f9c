"""What stands in a checkpoint's folder, and folders that can't be built."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from edgekit.errors import DataError, UsageError  # noqa: E402
from edgekit.models import TEXT_FAMILIES  # noqa: E402
from edgekit.models.text import catalog, places  # noqa: E402
from edgekit.records import TextRequest  # noqa: E402
from tests.unit.models.text import checkpoints  # noqa: E402

WEIGHTS, POOLING = "model.safetensors", "1_Pooling/config.json"


@pytest.fixture
def folder(tmp_path):
    checkpoints.save(tmp_path, "bert")
    return tmp_path


def build(folder, family="bert"):
    return TEXT_FAMILIES.get(family).build(folder, catalog.HEADS[family][0], None)


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_pooling_is_what_the_checkpoint_says(folder, pooling):
    modes = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
    said = {f"pooling_mode_{words}": name == pooling for name, words in modes.items()}
    write(folder, POOLING, {"word_embedding_dimension": 32, **said})
    net = build(folder)
    assert net.pooling == pooling
    words = torch.arange(3, 12).reshape(1, 9)
    mask = torch.tensor([[1] * 6 + [0] * 3])
    with torch.no_grad():
        features = net.module.encoder(input_ids=words[:, :6])[0]
        pooled = {"mean": features.mean(1), "cls": features[:, 0], "max": features.amax(1)}
        expected = torch.nn.functional.normalize(pooled[pooling], dim=1)
        torch.testing.assert_close(net.module(words, mask), expected, rtol=0, atol=2e-5)


def test_a_text_is_as_long_as_the_checkpoint_was_trained_for(folder):
    write(folder, "sentence_bert_config.json", {"max_seq_length": 24})
    assert build(folder).max_tokens == 24
    write(folder, "sentence_bert_config.json", {"max_seq_length": 2400})
    assert build(folder).max_tokens == checkpoints.LONGEST


def test_older_files_of_a_tokenizer_are_enough(folder):
    (folder / "tokenizer.json").unlink()
    write(folder, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n")
    write(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    made = json.loads(TEXT_FAMILIES.get("bert").tokenizer(folder))
    assert made["model"]["vocab"]["hello"] == 5


def test_no_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(DataError, match="has no tokenizer") as caught:
        TEXT_FAMILIES.get("bert").tokenizer(folder)
    assert "tokenizer.save_pretrained" in caught.value.hint


@pytest.mark.parametrize(
    ("family", "word"), [("gpt", "'bert', which is no gpt network"), ("bert", "'gpt2', which")]
)
def test_a_checkpoint_of_another_family(tmp_path, family, word):
    other = "gpt" if family == "bert" else "bert"
    checkpoints.save(tmp_path, "gpt2" if other == "gpt" else "bert", decoder=other == "gpt")
    with pytest.raises(DataError, match=word) as caught:
        build(tmp_path, family)
    assert f"{other}:{tmp_path}" in caught.value.hint


def test_an_architecture_that_nobody_tried(folder):
    write(folder, "config.json", {"model_type": "t5"})
    with pytest.raises(DataError, match="'t5', which is no bert network") as caught:
        build(folder)
    assert "distilbert" in caught.value.hint


def test_code_in_a_checkpoint_is_never_run(folder):
    write(folder, "own.py", f"open({str(folder / 'run')!r}, 'w')\nclass Config: pass\n")
    own = {"AutoConfig": "own.Config", "AutoModel": "own.Config", "AutoTokenizer": "own.Config"}
    write(folder, "config.json", {"model_type": "own", "auto_map": own})
    with pytest.raises(DataError, match="no configuration that transformers knows"):
        build(folder)
    (folder / "tokenizer.json").unlink()
    write(folder, "vocab.txt", "[PAD]\n[UNK]\n")
    write(folder, "tokenizer_config.json", {"auto_map": own, "tokenizer_class": "Own"})
    with pytest.raises(DataError, match="has no tokenizer"):
        TEXT_FAMILIES.get("bert").tokenizer(folder)
    assert not (folder / "run").exists()


def test_weights_of_another_network(folder):
    config = json.loads((folder / "config.json").read_text())
    write(folder, "config.json", {**config, "num_hidden_layers": 3})
    with pytest.raises(
        DataError, match=r"not those of its config(.|\n)*missing: encoder\.layer\.2"
    ):
        build(folder)
    write(folder, "config.json", {**config, "intermediate_size": 48})
    with pytest.raises(
        DataError, match=r"0\.intermediate\.dense\.bias is \[64\], should be \[48\]"
    ):
        build(folder)


def test_a_pooler_may_be_missing(folder):
    state = load_file(folder / WEIGHTS)
    kept = {name: value for name, value in state.items() if not name.startswith("pooler.")}
    assert len(kept) < len(state)
    save_file(kept, folder / WEIGHTS, metadata={"format": "pt"})
    assert build(folder).pooling == "mean"


def test_broken_files(folder):
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:1000])
    with pytest.raises(DataError, match="the weights .* can't be read"):
        build(folder)
    write(folder, POOLING, "{")
    with pytest.raises(DataError, match="can't be read"):
        build(folder)
    write(folder, "config.json", "{")
    with pytest.raises(DataError, match="no configuration that transformers knows"):
        build(folder)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}], "pooling .* Dense"),
        (POOLING, {"pooling_mode_weightedmean_tokens": True}, "pools by pooling_mode_weighted"),
        (POOLING, {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}, "cls.*max"),
        (POOLING, {"pooling_mode_cls_token": False}, "pools by nothing"),
    ],
)
def test_what_stands_behind_and_is_not_built(folder, name, content, word):
    write(folder, name, content)
    with pytest.raises(DataError, match=word):
        build(folder)


def test_random_weights_follow_from_their_seed(folder):
    family = TEXT_FAMILIES.get("bert")
    words, mask = torch.arange(3, 12).reshape(1, 9), torch.ones(1, 9).long()
    with torch.no_grad():
        found = [family.build(folder, "embed", seed).module(words, mask) for seed in (0, 0, 1)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_where_a_checkpoint_is(folder):
    found = places.find(TextRequest(f"bert:{folder}"))
    assert (found.folder, found.source) == (folder, f"file:{folder.name}")
    assert set(found.digests()) == {"config.json", WEIGHTS, "tokenizer.json"}
    assert places.find(TextRequest("gpt:tiny")).folder is None


@pytest.mark.parametrize(
    ("name", "error", "word"),
    [
        ("bert:./nowhere", UsageError, "there is no folder ./nowhere"),
        ("bert:nowhere", UsageError, "there is no folder nowhere"),
        ("bert:{folder}/config.json", UsageError, "is a file"),
        ("bert:{folder}/empty", DataError, "holds no config.json"),
    ],
)
def test_no_checkpoint(folder, name, error, word):
    (folder / "empty").mkdir()
    with pytest.raises(error, match=word) as caught:
        places.find(TextRequest(name.format(folder=folder)))
    assert caught.value.hint


def test_no_weights(folder):
    (folder / WEIGHTS).unlink()
    with pytest.raises(DataError, match="holds no weights"):
        places.find(TextRequest(f"bert:{folder}"))
    places.find(TextRequest(f"bert:{folder}", weights="random"))


def test_the_hub_can_not_be_asked(monkeypatch):
    from edgekit.models import hub

    monkeypatch.setattr(hub.__dict__["constants"], "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="nobody/nothing: .* HF_HUB_OFFLINE"):
        places.find(TextRequest("bert:nobody/nothing"))


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (TextRequest("bert", "next-token"), "bert networks can't end in 'next-token'"),
        (TextRequest("gpt", "classify"), "gpt networks can't end in 'classify'"),
        (TextRequest("bert", weights="model.pth"), "name the checkpoint's folder|doesn't fit"),
        (TextRequest("bert", seed=-1), "out of range"),
    ],
)
def test_requests_that_can_not_be(request_, word):
    with pytest.raises(UsageError, match=word):
        catalog.check(request_)


def test_names_and_folders():
    assert [catalog.is_text(name) for name in ("bert", "gpt:x/y", "resnet", "timm:bert")] == [
        True,
        True,
        False,
        False,
    ]
    assert catalog.folder_name("gpt", "") == catalog.folder_name("gpt", "next-token") == "gpt"
    assert catalog.folder_name("gpt:/a/b", "next-token-cached") == "gpt-b-next-token-cached"
    assert catalog.folder_name("bert:owner/name", "embed") == "bert-name"


def test_a_cut_trace_is_never_taken_for_the_network():
    # The golden sample of every artifact comes from the trace: see tracing._verify.
    from edgekit.models.text import tracing

    net = TEXT_FAMILIES.get("bert").build(None, "embed", 0)
    ids, mask = tracing.example(net, 3, 7, 2)
    assert ids.shape == mask.shape == (3, 7)
    assert np.all(ids.numpy() < net.vocabulary)
