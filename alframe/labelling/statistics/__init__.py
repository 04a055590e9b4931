"""How a project is doing, for its manager."""
