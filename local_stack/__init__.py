"""Everything on one machine: embedded PostgreSQL, a stand-in TMDB, sample lists, the launcher."""
