"""Encoders and decoders of the transformers library."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
)
from transformers.utils import logging

from edgekit.errors import DataError
from edgekit.models import TextNet
from edgekit.models.checkpoints import listing
from edgekit.models.text import tiny
from edgekit.models.text.catalog import CACHED
from edgekit.models.text.heads import Embedded, NextToken, NextTokenCached, cache_names
from edgekit.models.text.places import (
    CONFIG,
    LENGTH,
    MODULES,
    POOLING,
    TOKENIZER,
    VOCABULARIES,
)
from edgekit.wire import TensorSpec

# Architectures that were tried, by the word in their configuration.
ENCODERS = ("bert", "distilbert", "roberta", "xlm-roberta", "electra", "mpnet")
DECODERS = ("gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3")
# What may lack in a checkpoint of an encoder: nothing of ours reads it.
_UNREAD = "pooler."
# What transformers raises where a configuration or a tokenizer makes no sense.
_UNFIT = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError)
_POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
# Nothing is fetched, and no code that lies in a checkpoint is run.
_HERE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
# What may stand behind the network in a checkpoint of sentence-transformers.
_BEHIND = {"Transformer", "Pooling", "Normalize"}


@dataclass(frozen=True)
class _Kind:
    """A kind of networks.

    Attributes:
        name: Of the family.
        types: Architectures of it.
        auto: What builds them.
        tiny: The configuration in code.
        marked: Whether the tiny tokenizer marks the ends of a text.
    """

    name: str
    types: tuple[str, ...]
    auto: Any
    tiny: Callable[[], PreTrainedConfig]
    marked: bool

    def build(self, folder: Path | None, head: str, seed: int | None) -> TextNet:
        """Build the network of a checkpoint, with its weights or with some from `seed`."""
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        config = self._config(folder)
        network = self._random(config, seed or 0)
        if seed is None and folder is not None:
            network = self._trained(folder, config)
        network.eval().requires_grad_(requires_grad=False)
        longest = _longest(config, folder)
        if self.name == "bert":
            return _encoder(network, config, longest, _pooling(folder))
        return _decoder(network, config, longest, head)

    def tokenizer(self, folder: Path | None) -> str:
        """The checkpoint's `tokenizer.json`, or what transformers makes of its older files."""
        if folder is None:
            return tiny.tokenizer(marked=self.marked)
        if (path := folder / TOKENIZER).is_file():
            return path.read_text(encoding="utf-8")
        # Without any vocabulary transformers makes up one that knows no word.
        if not any((folder / name).is_file() for name in VOCABULARIES):
            raise _no_tokenizer(folder)
        try:
            fast = AutoTokenizer.from_pretrained(folder, **_HERE).backend_tokenizer
            text: str = fast.to_str()
        except _UNFIT as error:
            raise _no_tokenizer(folder) from error
        return text

    def _config(self, folder: Path | None) -> PreTrainedConfig:
        if folder is None:
            return self.tiny()
        try:
            found = AutoConfig.from_pretrained(folder, **_HERE)
        except _UNFIT as error:
            raise DataError(
                f"{folder / CONFIG} is no configuration that transformers knows: "
                f"{str(error).splitlines()[0]}",
                hint="save the checkpoint again: model.save_pretrained(FOLDER)",
            ) from error
        if found.model_type not in self.types:
            others = [kind.name for kind in (BERT, GPT) if found.model_type in kind.types]
            raise DataError(
                f"{folder} holds a {found.model_type!r}, which is no {self.name} network",
                hint=f"give {others[0]}:{folder}"
                if others
                else f"{self.name} networks are: {', '.join(self.types)}",
            )
        return found

    def _random(self, config: PreTrainedConfig, seed: int) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.auto.from_config(config, attn_implementation="eager")

    def _trained(self, folder: Path, config: PreTrainedConfig) -> Any:
        try:
            network, report = self.auto.from_pretrained(
                folder,
                config=config,
                attn_implementation="eager",
                dtype=torch.float32,
                **_HERE,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
        except (*_UNFIT, RuntimeError, SafetensorError, UnpicklingError) as error:
            raise DataError(
                f"the weights in {folder} can't be read: {str(error).splitlines()[0]}",
                hint="they are cut short or of another kind: copy or save them again",
            ) from error
        lines = [f"missing: {name}" for name in sorted(report["missing_keys"]) if _counts(name)]
        lines += [
            f"wrong shape: {name} is {list(have)}, should be {list(want)}"
            for name, have, want in sorted(report["mismatched_keys"])
        ]
        if lines:
            raise DataError(
                f"the weights in {folder} are not those of its {CONFIG}: {len(lines)} "
                f"differences{listing(lines)}",
                hint="save both together: model.save_pretrained(FOLDER)",
            )
        return network


def _no_tokenizer(folder: Path) -> DataError:
    return DataError(
        f"{folder} has no tokenizer: no {TOKENIZER}, and nothing that one can be made of",
        hint=f"save it beside the weights: tokenizer.save_pretrained('{folder}')",
    )


def _counts(name: str) -> bool:
    return not name.startswith(_UNREAD) and f".{_UNREAD}" not in name


def _longest(config: PreTrainedConfig, folder: Path | None) -> int:
    """Tokens that the network takes, and that it was trained for where the checkpoint says.

    No more than a window where its layers see one: each token of ours sees all before it.
    """
    longest = int(config.max_position_embeddings)
    if window := getattr(config, "sliding_window", None):
        longest = min(longest, int(window))
    if config.model_type in {"roberta", "xlm-roberta", "mpnet"}:
        # Their positions begin behind the id of the padding.
        longest -= int(config.pad_token_id) + 1
    said = _json(folder, LENGTH).get("max_seq_length")
    return min(longest, said) if isinstance(said, int) and said > 0 else longest


def _pooling(folder: Path | None) -> str:
    """How a checkpoint of sentence-transformers pools; by the mean where it doesn't say."""
    kinds = {str(part.get("type", "")).rpartition(".")[2] for part in _list(folder, MODULES)}
    if strange := sorted(kinds - _BEHIND):
        raise DataError(
            f"{folder} has layers behind the pooling that edgekit doesn't build: "
            f"{', '.join(strange)}",
            hint=f"without its {MODULES} the network alone is taken, pooled by the mean",
        )
    said = _json(folder, POOLING)
    chosen = [pooling for name, pooling in _POOLINGS.items() if said.get(name)]
    on = [
        name for name, value in said.items() if name.startswith("pooling_mode") and value is True
    ]
    if said and (len(on) != 1 or not chosen):
        raise DataError(
            f"{folder} pools by {' and '.join(on) or 'nothing'}",
            hint=f"one of these can be built: {', '.join(_POOLINGS)}",
        )
    return chosen[0] if chosen else "mean"


def _json(folder: Path | None, name: str) -> dict[str, Any]:
    found = _read(folder, name)
    return found if isinstance(found, dict) else {}


def _list(folder: Path | None, name: str) -> list[dict[str, Any]]:
    found = _read(folder, name)
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _read(folder: Path | None, name: str) -> object:
    path = folder / name if folder else None
    if path is None or not path.is_file():
        return None
    try:
        found: object = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(
            f"{path} can't be read: {error}", hint="copy the checkpoint again"
        ) from error
    return found


def _encoder(network: Any, config: PreTrainedConfig, longest: int, pooling: str) -> TextNet:
    output = TensorSpec("sentence_embedding", (None, config.hidden_size), "float32", "NC")
    module = Embedded(network, pooling)
    return TextNet(
        module, _words(), (output,), config.vocab_size, longest, pooling, _parameters(network)
    )


def _decoder(network: Any, config: PreTrainedConfig, longest: int, head: str) -> TextNet:
    scores = TensorSpec("logits", (None, config.vocab_size), "float32", "NC")
    module: Any = NextToken(network)
    inputs: tuple[TensorSpec, ...] = _words()
    outputs: tuple[TensorSpec, ...] = (scores,)
    if head == CACHED:
        layers = int(config.num_hidden_layers)
        module = NextTokenCached(network, layers)
        # What was seen stands in front: such rows are filled up there.
        inputs = (inputs[0], replace(inputs[1], layout="NT"), *_cache("past", config, layers))
        outputs += _cache("present", config, layers)
    parameters = _parameters(network)
    return TextNet(module, inputs, outputs, config.vocab_size, longest, "last", parameters)


def _parameters(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _words() -> tuple[TensorSpec, ...]:
    return (
        TensorSpec("input_ids", (None, None), "int64", "NL"),
        TensorSpec("attention_mask", (None, None), "int64", "NL"),
    )


def _cache(what: str, config: PreTrainedConfig, layers: int) -> tuple[TensorSpec, ...]:
    heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    size = int(
        getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    )
    shape = (None, heads, None, size)
    return tuple(TensorSpec(name, shape, "float32", "NHTD") for name in cache_names(what, layers))


BERT = _Kind("bert", ENCODERS, AutoModel, tiny.bert, marked=True)
GPT = _Kind("gpt", DECODERS, AutoModelForCausalLM, tiny.gpt, marked=False)
