"""The table of text networks against the networks themselves."""

from __future__ import annotations

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from edgekit.models import TEXT_FAMILIES
from edgekit.models.text import catalog, places
from edgekit.models.text.catalog import MODELS
from edgekit.records import TextRequest

LISTED = {model.name: model for model in MODELS}


@pytest.mark.parametrize("name", ["bert:tiny", "gpt:tiny", "bert"])
def test_the_table_holds_what_is_built(name):
    model = LISTED[name]
    usual = catalog.USUAL.get(name)
    if usual and not places._packaged(usual):
        pytest.skip("its package isn't installed")
    folder = places.find(TextRequest(name)).folder
    for head in model.heads:
        net = TEXT_FAMILIES.get(model.family).build(folder, head, 0)
        assert (net.parameters, net.max_tokens) == (model.parameters, model.max_tokens)


def test_gpt_is_counted_by_its_configuration():
    # distilgpt2 is GPT-2 with half of its layers (its model card); nothing of it lies here.
    with torch.device("meta"):
        net = GPT2LMHeadModel(GPT2Config(n_layer=6))
    counted = sum(parameter.numel() for parameter in net.parameters())
    assert counted == LISTED["gpt"].parameters
    assert net.config.n_positions == LISTED["gpt"].max_tokens
