"""A stand-in TMDB: its own film catalogue behind TMDB's v3 routes, with a budget and faults."""
