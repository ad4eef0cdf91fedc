"""Reading uploaded lists: files in, one row per distinct film and a report out.

`reading.read_lists` is the way in. A new format is one module with a `recognise` function, named in
`formats.py`.
"""
