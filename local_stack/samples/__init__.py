"""Sample lists: a complete Letterboxd export, and plain title lists of any length."""
