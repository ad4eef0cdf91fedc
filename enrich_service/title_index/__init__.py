"""What a daemon knows of titles without asking TMDB."""
