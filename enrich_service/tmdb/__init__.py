"""TMDB as the daemon sees it: requests and answers with no I/O, under a thin aiohttp client."""
