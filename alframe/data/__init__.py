"""Where images and labels come from, and how they reach a learner."""

import lazy_loader

# What is named in __init__.pyi is imported when it is first used: most needs torch, and reading an image does not.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
