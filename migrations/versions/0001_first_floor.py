"""The first schema: sessions and their movies, the lookup queue, the catalogue, the fleet."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS: tuple[str, ...] = (
    # -- what users upload ------------------------------------------------------------------------
    """
    create table sessions (
      id           uuid primary key,
      total        integer not null check (total >= 0),
      enriched     integer not null default 0 check (enriched >= 0),
      not_found    integer not null default 0 check (not_found >= 0),
      failed       integer not null default 0 check (failed >= 0),
      status       text not null generated always as (
        case when enriched + not_found + failed = total then 'completed' else 'enriching' end
      ) stored,
      created_at   timestamptz not null default clock_timestamp(),
      completed_at timestamptz,
      read_at      timestamptz not null default clock_timestamp(),
      -- How many uploads have added to it; and how many positions were given to movies, none of
      -- them twice, because exported lists speak of positions.
      edition      integer not null default 0,
      positions    integer not null default 0,
      check (enriched + not_found + failed <= total)
    ) with (fillfactor = 50)
    """,
    # Whoever moves the counts need not think of the time at which they came to be complete.
    """
    create function note_completion() returns trigger language plpgsql as $$
    begin
      new.completed_at := case
        when new.enriched + new.not_found + new.failed = new.total
        then coalesce(new.completed_at, clock_timestamp())
      end;
      return new;
    end
    $$
    """,
    """
    create trigger sessions_note_completion
    before insert or update of total, enriched, not_found, failed on sessions
    for each row execute function note_completion()
    """,
    # Who is still waiting: for the pace of all, and for the tick that heals.
    "create index sessions_enriching on sessions (created_at) where status = 'enriching'",
    "create index sessions_unread on sessions (read_at)",
    """
    create table upload_reports (
      session_id  uuid not null references sessions on delete cascade,
      upload_id   uuid not null default gen_random_uuid(),
      uploaded_at timestamptz not null default clock_timestamp(),
      report      json not null,
      primary key (session_id, upload_id)
    )
    """,
    """
    create table idempotency_keys (
      key         text primary key,
      body_sha256 bytea not null,
      session_id  uuid not null references sessions on delete cascade,
      upload_id   uuid,
      created_at  timestamptz not null default clock_timestamp()
    )
    """,
    "create index idempotency_keys_session on idempotency_keys (session_id)",
    "create index idempotency_keys_age on idempotency_keys (created_at)",
    # -- what TMDB answered, kept across sessions -------------------------------------------------
    """
    create table catalogue (
      tmdb_id         integer primary key,
      imdb_id         text,
      title           text not null,
      original_title  text not null,
      release_date    date,
      genres          text[] not null,
      directors       jsonb not null,
      top_cast        jsonb not null,
      runtime_minutes integer,
      countries       text[] not null,
      languages       text[] not null,
      overview        text,
      poster_path     text,
      vote_average    numeric(4, 2),
      vote_count      integer not null,
      popularity      double precision not null,
      fetched_at      timestamptz not null default clock_timestamp()
    )
    """,
    "create index catalogue_age on catalogue (fetched_at)",
    "create index catalogue_imdb on catalogue (imdb_id) where imdb_id is not null",
    # Every film that TMDB ever spoke of, by its display title and by its original title, normalised
    # as matching normalises; year 0 where TMDB knows none.
    """
    create table titles (
      name           text not null,
      year           smallint not null,
      tmdb_id        integer not null,
      title          text not null,
      original_title text not null,
      vote_count     integer not null,
      learned_at     timestamptz not null default clock_timestamp(),
      primary key (name, year, tmdb_id)
    ) with (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05)
    """,
    "create index titles_votes on titles (vote_count desc, tmdb_id)",
    "create index titles_age on titles (learned_at)",
    # How far each year's films were gone through for `titles`, those with the most votes first, and
    # whether all of them came to be known; and how many were not known when they were asked for
    # since the last page, of how many that it takes to ask for the next one.
    """
    create table surveys (
      year        smallint primary key,
      next_page   integer not null default 1,
      taken_until timestamptz not null default '-infinity',
      finished_at timestamptz,
      is_complete boolean not null default false,
      missed      integer not null default 0,
      needed      integer not null default 2
    ) with (fillfactor = 50, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0)
    """,
    # -- the queue --------------------------------------------------------------------------------
    # A claim changes claimed_by and claim_token, which no index mentions, so it is a HOT update;
    # the fill factor keeps room for it on the page. What is `kept` stays though nobody lists it.
    """
    create table lookups (
      id          bigint generated always as identity primary key,
      key         text not null unique,
      title       text,
      outcome     text check (outcome in ('found', 'not_found', 'failed')),
      reason      text,
      tmdb_id     integer references catalogue,
      confidence  smallint,
      candidates  jsonb,
      answered_at timestamptz,
      attempts    smallint not null default 0,
      due_at      timestamptz,
      turn        bigint,
      claimed_by  uuid,
      claim_token uuid,
      kept        boolean not null default false,
      check ((outcome = 'found') = (tmdb_id is not null) or outcome is null),
      check ((outcome is null) = (answered_at is null)),
      check ((claimed_by is null) = (claim_token is null)),
      check ((due_at is null) = (turn is null))
    ) with (
      fillfactor = 70,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_insert_scale_factor = 0.05,
      autovacuum_analyze_scale_factor = 0.02
    )
    """,
    "create index lookups_queue on lookups (turn, id) where due_at is not null",
    # When the next backoff ends, among any number that are due already.
    "create index lookups_due on lookups (due_at) where due_at is not null",
    # Who needs a record: for refreshing the old ones, and for deleting what nobody needs.
    "create index lookups_record on lookups (tmdb_id) where tmdb_id is not null",
    """
    create table movies (
      session_id   uuid not null references sessions on delete cascade,
      position     integer not null check (position > 0),
      lookup_id    bigint not null references lookups,
      title        text,
      year         integer,
      watched      boolean not null,
      rating       numeric(2, 1) check (rating between 0.5 and 5),
      rating_original text,
      watch_dates  date[] not null,
      rewatches    integer not null,
      liked        boolean not null,
      tags         text[] not null,
      review       text,
      in_watchlist boolean not null,
      lists        text[] not null,
      source_url   text,
      -- What merging more files needs to know, and nobody else: addresses, ids, where a rating is
      -- from. Written and read by the API's rules for lists.
      origins      json,
      primary key (session_id, position)
    )
    """,
    "create index movies_lookup on movies (lookup_id)",
    # V, the virtual clock of start-time fair queueing: the largest turn claimed so far; and the
    # largest turn given to a retry.
    """
    create table queue_clock (
      only_row     boolean primary key default true check (only_row),
      virtual_time bigint not null,
      retry_turn   bigint not null
    ) with (fillfactor = 10, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0)
    """,
    "insert into queue_clock (virtual_time, retry_turn) values (0, 0)",
    # -- the fleet --------------------------------------------------------------------------------
    # The last send times, oldest first; how many of them the latest taking got; and the time
    # before which nobody may send.
    """
    create table request_window (
      only_row   boolean primary key default true check (only_row),
      slots      timestamptz[] not null,
      granted    integer not null default 0,
      hold_until timestamptz not null
    ) with (fillfactor = 10, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0)
    """,
    """
    insert into request_window (slots, hold_until)
    values (array_fill('-infinity'::timestamptz, array[40]), '-infinity')
    """,
    """
    create table fleet (
      only_row      boolean primary key default true check (only_row),
      paused_since  timestamptz,
      tmdb_state    text not null check (tmdb_state in ('up', 'down', 'refused')),
      tmdb_reason   text,
      tmdb_since    timestamptz not null,
      tmdb_probe_at timestamptz,
      tmdb_probes   integer not null default 0,
      check ((tmdb_state = 'up') = (tmdb_probe_at is null))
    ) with (fillfactor = 50)
    """,
    "insert into fleet (tmdb_state, tmdb_since) values ('up', clock_timestamp())",
    """
    create table workers (
      id                uuid primary key,
      host              text not null,
      started_at        timestamptz not null default clock_timestamp(),
      heartbeat_at      timestamptz not null default clock_timestamp(),
      last_run          timestamptz,
      next_run          timestamptz,
      interval_seconds  double precision not null,
      in_flight         integer not null default 0,
      draining          boolean not null default false,
      requests_per_film double precision,
      tmdb_state        text not null check (tmdb_state in ('up', 'down', 'refused'))
    ) with (fillfactor = 50, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0)
    """,
)


def upgrade() -> None:
    """Run each statement as it stands."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop everything the first schema made."""
    for table in (
        "workers",
        "fleet",
        "request_window",
        "queue_clock",
        "movies",
        "lookups",
        "surveys",
        "titles",
        "catalogue",
        "idempotency_keys",
        "upload_reports",
        "sessions",
    ):
        op.get_bind().exec_driver_sql(f"drop table {table}")
    op.get_bind().exec_driver_sql("drop function note_completion")
