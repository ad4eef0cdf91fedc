"""Sample lists: a whole Letterboxd export, and plain title lists of any length."""
