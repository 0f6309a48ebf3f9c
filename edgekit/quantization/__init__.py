"""Choosing quantization: target facts go in, a recipe comes out."""
