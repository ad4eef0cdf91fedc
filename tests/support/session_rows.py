"""A session's two rows, as an upload writes them."""

from __future__ import annotations

ADD_SESSION = """
    with session as (
      insert into sessions (id) values ($1)
      returning id
    )
    insert into session_counts (session_id, total)
    select id, $2 from session
"""
"""For an id and how many movies it will have."""
