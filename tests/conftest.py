"""How property tests run: a slow machine is no failure."""

from hypothesis import settings

settings.register_profile("alframe", deadline=None)
settings.load_profile("alframe")
