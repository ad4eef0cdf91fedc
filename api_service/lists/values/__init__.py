"""Cells to values: titles, ids, dates, ratings, states and column names."""
