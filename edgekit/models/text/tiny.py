"""Tiny text networks and their tokenizer, to try every step in seconds.

Their weights are random: what they give means nothing.
"""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import BertConfig, GPT2Config, PreTrainedConfig

WIDTH, LAYERS, ATTENTION_HEADS = 32, 2, 4
MAX_TOKENS = 64
PAD, FIRST, LAST = "[PAD]", "[CLS]", "[SEP]"


def bert() -> PreTrainedConfig:
    """A BERT of two layers over single bytes."""
    return BertConfig(
        vocab_size=_vocabulary(),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=ATTENTION_HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=MAX_TOKENS,
    )


def gpt() -> PreTrainedConfig:
    """A GPT-2 of two layers over single bytes."""
    return GPT2Config(
        vocab_size=_vocabulary(),
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=ATTENTION_HEADS,
        n_positions=MAX_TOKENS,
        bos_token_id=1,
        eos_token_id=2,
    )


def tokenizer(*, marked: bool) -> str:
    """A tokenizer with one token for each byte, as JSON.

    Args:
        marked: Whether a text's ends are marked, as BERT has it.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ids = {token: index for index, token in enumerate([PAD, FIRST, LAST, *alphabet])}
    made = Tokenizer(models.BPE(vocab=ids, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    if marked:
        ends = [(FIRST, ids[FIRST]), (LAST, ids[LAST])]
        made.post_processor = processors.TemplateProcessing(
            single=f"{FIRST} $A {LAST}", pair=None, special_tokens=ends
        )
    text: str = made.to_str()
    return text


def _vocabulary() -> int:
    return 3 + len(pre_tokenizers.ByteLevel.alphabet())
