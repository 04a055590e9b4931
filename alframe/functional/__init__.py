"""Numerics: arrays in, arrays out. Knows no model, no file, no configuration."""
