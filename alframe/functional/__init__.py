"""Numerics: arrays in, arrays out. Knows no model, no file, no configuration."""

import lazy_loader

# What is named in __init__.pyi is imported when it is first used: few need all of it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
