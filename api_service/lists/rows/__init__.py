"""Records of cells to sightings of films: what a row, and only a whole file, says."""
