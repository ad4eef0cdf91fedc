"""The daemon: claims lookups, asks TMDB within the request budget, matches and saves."""
