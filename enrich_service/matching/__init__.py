"""Which TMDB film a question means, and which requests find it; without I/O."""
