"""Records of cells to sightings of films."""
