"""Cells to values: titles, ids, dates, ratings, states and the names of columns."""
