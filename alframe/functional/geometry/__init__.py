"""Points in space: distances as matrix products, neighbours, directions, clusters."""
