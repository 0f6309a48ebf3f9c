"""What a text network gives: one vector a text, or the scores of the next token.

The mask of the attention is made here, in float, and handed on with four axes: transformers then
adds it as it is. What it would make of a mask with two axes depends on its version, and takes a
dozen operators that runtimes for devices don't all have.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn
from transformers import DynamicCache

# Added to the scores of what isn't to be seen: nothing is left of e^-10000, and float16 holds it.
HIDDEN = -1e4


class Embedded(nn.Module):
    """The features of a text's tokens pooled into one vector of length 1.

    Args:
        encoder: A transformers encoder.
        pooling: `mean` over the tokens, `cls` for the first one's, `max` over the tokens.
    """

    def __init__(self, encoder: Any, pooling: str) -> None:
        super().__init__()
        self.encoder = encoder
        self._pooling = pooling
        self._extra = "token_type_ids" in inspect.signature(encoder.forward).parameters
        self.training = False

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Vectors (N, features) of texts: ids and mask (N, L), the mask 1 at each token."""
        seen = attention_mask.to(torch.float32)
        options: dict[str, Any] = {"attention_mask": (1.0 - seen[:, None, None, :]) * HIDDEN}
        if self._extra:
            options["token_type_ids"] = torch.zeros_like(input_ids)
        features = self.encoder(input_ids=input_ids, **options).last_hidden_state
        return nn.functional.normalize(self._pooled(features, seen.unsqueeze(-1)), dim=1)

    def _pooled(self, features: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        if self._pooling == "cls":
            return features[:, 0]
        if self._pooling == "max":
            return (features + (1.0 - seen) * HIDDEN).amax(1)
        return (features * seen).sum(1) / seen.sum(1).clamp(min=1.0)


class NextToken(nn.Module):
    """Scores of the token that follows a text, over the whole vocabulary.

    Args:
        decoder: A transformers network with a language model's head.
    """

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.decoder = decoder
        self.training = False

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Scores (N, vocabulary) after the last token of each text; fill up on either side."""
        features = self.decoder.base_model(
            input_ids=input_ids,
            attention_mask=_causal(attention_mask, input_ids.shape[1]),
            position_ids=_positions(attention_mask, input_ids.shape[1]),
            use_cache=False,
        ).last_hidden_state
        return _scores(self.decoder, features, attention_mask)


class NextTokenCached(nn.Module):
    """As `NextToken`, for a text whose beginning was seen before: keys and values are kept.

    Its inputs are `input_ids` (N, L), `attention_mask` (N, P + L) of all tokens, seen and new, and
    a key and a value of each layer, (N, heads, P, size). It gives the scores, and keys and values
    for P + L tokens. A first call has P = 0.

    Args:
        decoder: A transformers network with a language model's head.
        layers: Its number of layers.
    """

    def __init__(self, decoder: Any, layers: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.training = False
        # Its name until transformers 5.
        known = inspect.signature(decoder.base_model.forward).parameters
        self._cache = "cache" if "cache" in known else "past_key_values"
        self.names = ["input_ids", "attention_mask", *cache_names("past", layers)]

        # torch names a program's inputs by the parameters of `forward`.
        def forward(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return self._forward(*inputs)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        signature = inspect.Signature([inspect.Parameter(name, kind) for name in self.names])
        forward.__signature__ = signature  # type: ignore[attr-defined]
        self.forward = forward

    def _forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, *past: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        length = input_ids.shape[1]
        cache = DynamicCache(list(zip(past[::2], past[1::2], strict=True)))
        features = self.decoder.base_model(
            input_ids=input_ids,
            attention_mask=_causal(attention_mask, length),
            position_ids=_positions(attention_mask, length),
            use_cache=True,
            **{self._cache: cache},
        ).last_hidden_state
        # The network has put keys and values of the new tokens behind those that were there.
        kept = (part for layer in cache.layers for part in (layer.keys, layer.values))
        new = attention_mask[:, attention_mask.shape[1] - length :]
        return (_scores(self.decoder, features, new), *kept)


def cache_names(what: str, layers: int) -> list[str]:
    """Names of a cache's tensors, in order: `past_key_0`, `past_value_0`, `past_key_1`, ..."""
    return [f"{what}_{part}_{layer}" for layer in range(layers) for part in ("key", "value")]


def _positions(mask: torch.Tensor, length: int) -> torch.Tensor:
    """Place of each of the last `length` tokens in its text, (N, length); padding has none."""
    return (mask.cumsum(1) - 1).clamp(min=0)[:, mask.shape[1] - length :]


def _causal(mask: torch.Tensor, length: int) -> torch.Tensor:
    """What is added to attention scores, (N, 1, length, all): no token sees a later one."""
    total = mask.shape[1]
    own = torch.arange(length)[None, None, :, None] + (total - length)
    seen = torch.arange(total)[None, None, None, :] <= own
    return torch.where(seen & (mask[:, None, None, :] > 0), 0.0, HIDDEN)


def _scores(decoder: Any, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Scores (N, vocabulary) after the last token of each text, and after no other.

    The vocabulary's matrix is the largest of a small decoder; for a hundred tokens it would be
    multiplied with a hundred times.
    """
    last = (mask * torch.arange(1, mask.shape[1] + 1)).argmax(1)
    scores: torch.Tensor = decoder.get_output_embeddings()(
        features[torch.arange(features.shape[0]), last]
    )
    return scores
