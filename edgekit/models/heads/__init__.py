"""Heads: what a network gives. `edgekit.models.HEADS` is their table.

A head's `forward` gives raw outputs only, which is what stands in the file and is quantized;
`edgekit.tasks` says what they mean. What a head is trained by lies beside it, in `*_loss.py`.
"""
