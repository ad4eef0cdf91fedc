"""Reading of uploaded lists: files in, one row per distinct film and a report out.

`reading.read_lists` is the entry point. A new format is a declaration in `formats/`.
"""
