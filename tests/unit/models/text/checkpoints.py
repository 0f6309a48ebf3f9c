"""Tiny checkpoints of many architectures, as `save_pretrained` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from edgekit.models.text import tiny

VOCABULARY, LONGEST = 259, 40
_ENCODER = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": LONGEST,
}
_DECODER = {**_ENCODER, "num_key_value_heads": 2, "head_dim": 8}
_SHORT = {"vocab_size": VOCABULARY, "max_position_embeddings": LONGEST}
ENCODERS: dict[str, dict[str, Any]] = {
    "bert": _ENCODER,
    "distilbert": {**_SHORT, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    "roberta": {**_ENCODER, "pad_token_id": 1},
    "xlm-roberta": {**_ENCODER, "pad_token_id": 1},
    "electra": {**_ENCODER, "embedding_size": 16},
    "mpnet": {**_ENCODER, "pad_token_id": 1},
}
DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {
        "vocab_size": VOCABULARY,
        "n_positions": LONGEST,
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
    },
    "gpt_neox": {**_ENCODER},
    "llama": _DECODER,
    "mistral": _DECODER,
    "qwen2": {**_DECODER},
    "qwen3": _DECODER,
}


def save(
    folder: Path, kind: str, *, decoder: bool = False, tokenizer: bool = True, **changed: Any
) -> Any:
    """Write a checkpoint with random weights; gives the network."""
    options = (DECODERS if decoder else ENCODERS)[kind]
    # Ids of marks are within the vocabulary.
    marks = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = AutoConfig.for_model(kind, **{**marks, **options, **changed})
    torch.manual_seed(0)
    auto = AutoModelForCausalLM if decoder else AutoModel
    network = auto.from_config(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)  # far enough from zero that positions and masks count
    network.save_pretrained(folder)
    if tokenizer:
        text = tiny.tokenizer(marked=not decoder)
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    return network
