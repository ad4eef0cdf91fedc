"""What overviews and searches ask of a film's people, worked out once, when it is saved."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    # Whoever counts the films of people would otherwise take 20 JSON objects apart for each film.
    # One who plays two parts in a film is in it once.
    """
    create function people_ids(people jsonb) returns integer[]
    language sql immutable strict parallel safe as $$
      select coalesce(array_agg(distinct (person ->> 'id')::integer), '{}')
      from jsonb_array_elements(people) as person
    $$
    """,
    # Small letters without accents, so that "leon" finds "Léon". Put together again what is left:
    # a syllable of Hangul or a kana is no part of another one. Most text is ASCII, and that is seen
    # at once. Written with "return" this binds to what it calls, whatever path a restore sets, and
    # is put in place where it is called; "strict" would prevent that.
    """
    create function folded(written text) returns text
    language sql immutable parallel safe
    return case
      when octet_length(written) = length(written) then lower(written)
      else lower(
        normalize(regexp_replace(normalize(written, nfd), '[\\u0300-\\u036f]', '', 'g'), nfc)
      )
    end
    """,
    # What a search looks through, folded, a name a line.
    """
    create function searched_text(
      title text, original_title text, directors jsonb, top_cast jsonb
    ) returns text
    language sql immutable strict parallel safe
    return (
      select folded(
        concat(title, e'\\n', original_title, e'\\n', string_agg(person ->> 'name', e'\\n'))
      )
      from jsonb_array_elements(directors || top_cast) as person
    )
    """,
    """
    alter table catalogue
      add director_ids integer[] not null generated always as (people_ids(directors)) stored,
      add actor_ids    integer[] not null generated always as (people_ids(top_cast)) stored,
      add searched     text not null generated always as (
        searched_text(title, original_title, directors, top_cast)
      ) stored
    """,
)


def upgrade() -> None:
    """Run each statement as it stands; the table is written anew once."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop what it made."""
    op.get_bind().exec_driver_sql(
        "alter table catalogue drop director_ids, drop actor_ids, drop searched"
    )
    for function in (
        "people_ids(jsonb)",
        "searched_text(text, text, jsonb, jsonb)",
        "folded(text)",
    ):
        op.get_bind().exec_driver_sql(f"drop function {function}")
