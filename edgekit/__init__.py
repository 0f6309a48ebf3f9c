"""edgekit: build, convert, quantize, measure and gate efficient networks for edge devices."""

__all__ = ["__version__"]

__version__ = "0.1.0"
