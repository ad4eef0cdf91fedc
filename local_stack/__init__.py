"""The local stack: embedded PostgreSQL, a stand-in TMDB, sample lists and the launcher."""
