"""Every architecture that a family names gives what transformers itself gives."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from edgekit.models import TEXT_FAMILIES  # noqa: E402
from edgekit.models.text import transformers as adapter  # noqa: E402
from edgekit.models.text.catalog import CACHED, EMBED, NEXT  # noqa: E402
from tests.unit.models.text import checkpoints  # noqa: E402

# Sums in another order, in float32.
CLOSE = {"rtol": 0.0, "atol": 2e-5}


def ids(batch, length):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, checkpoints.VOCABULARY, (batch, length), generator=generator)


def test_the_tables_are_complete():
    assert set(checkpoints.ENCODERS) == set(adapter.ENCODERS)
    assert set(checkpoints.DECODERS) == set(adapter.DECODERS)


@pytest.mark.parametrize("kind", checkpoints.ENCODERS)
def test_an_encoder_gives_the_mean_of_its_features(kind, tmp_path):
    network = checkpoints.save(tmp_path, kind)
    net = TEXT_FAMILIES.get("bert").build(tmp_path, EMBED, None)
    words = ids(2, 9)
    with torch.no_grad():
        features = network(input_ids=words, attention_mask=torch.ones_like(words))[0]
        expected = torch.nn.functional.normalize(features.mean(1), dim=1)
        found = net.module(words, torch.ones_like(words))
    torch.testing.assert_close(found, expected, **CLOSE)
    assert net.vocabulary == checkpoints.VOCABULARY
    positions_before = 2 if kind in {"roberta", "xlm-roberta", "mpnet"} else 0
    assert net.max_tokens == checkpoints.LONGEST - positions_before


@pytest.mark.parametrize("kind", checkpoints.ENCODERS)
def test_what_the_mask_hides_changes_nothing(kind, tmp_path):
    checkpoints.save(tmp_path, kind)
    net = TEXT_FAMILIES.get("bert").build(tmp_path, EMBED, None)
    words = ids(2, 9)
    filling = torch.full((2, 5), 1 if net.max_tokens < checkpoints.LONGEST else 0)
    mask = torch.cat([torch.ones_like(words), torch.zeros_like(filling)], 1)
    with torch.no_grad():
        alone = net.module(words, torch.ones_like(words))
        among = net.module(torch.cat([words, filling], 1), mask)
    torch.testing.assert_close(among, alone, **CLOSE)


@pytest.mark.parametrize("kind", ["mistral", "qwen2", "qwen3"])
def test_a_decoder_that_sees_a_window_takes_no_more_than_that(kind, tmp_path):
    window: dict[str, Any] = {
        "sliding_window": 8,
        "use_sliding_window": True,
        "max_window_layers": 0,
    }
    network = checkpoints.save(tmp_path, kind, decoder=True, **window)
    net = TEXT_FAMILIES.get("gpt").build(tmp_path, NEXT, None)
    assert net.max_tokens == 8
    for length, same in ((8, True), (12, False)):
        words = ids(2, length)
        with torch.no_grad():
            expected = network(input_ids=words).logits[:, -1]
            found = net.module(words, torch.ones_like(words))
        assert torch.allclose(found, expected, **CLOSE) == same


@pytest.mark.parametrize("kind", checkpoints.DECODERS)
def test_a_decoder_gives_the_scores_after_the_last_token(kind, tmp_path):
    network = checkpoints.save(tmp_path, kind, decoder=True)
    net = TEXT_FAMILIES.get("gpt").build(tmp_path, NEXT, None)
    words = ids(2, 9)
    filling = torch.zeros(2, 4, dtype=torch.long)
    behind = torch.cat([words, filling], 1), torch.cat([torch.ones_like(words), filling], 1)
    before = torch.cat([filling, words], 1), torch.cat([filling, torch.ones_like(words)], 1)
    with torch.no_grad():
        expected = network(input_ids=words).logits[:, -1]
        for given in ((words, torch.ones_like(words)), behind, before):
            torch.testing.assert_close(net.module(*given), expected, **CLOSE)


@pytest.mark.parametrize("kind", checkpoints.DECODERS)
def test_token_by_token_with_a_cache_is_the_same(kind, tmp_path):
    network = checkpoints.save(tmp_path, kind, decoder=True)
    net = TEXT_FAMILIES.get("gpt").build(tmp_path, CACHED, None)
    words = ids(2, 9)
    kept = [torch.zeros(2, spec.shape[1], 0, spec.shape[3]) for spec in net.inputs[2:]]
    with torch.no_grad():
        expected = network(input_ids=words).logits
        for start, end in ((0, 4), (4, 5), (5, 9)):
            scores, *kept = net.module(words[:, start:end], torch.ones(2, end).long(), *kept)
            torch.testing.assert_close(scores, expected[:, end - 1], **CLOSE)
    assert [tuple(part.shape) for part in kept] == [
        (2, spec.shape[1], 9, spec.shape[3]) for spec in net.outputs[1:]
    ]
    assert [spec.name for spec in net.inputs] == [
        "input_ids",
        "attention_mask",
        *(f"past_{part}_{layer}" for layer in (0, 1) for part in ("key", "value")),
    ]
