-- Rows for every table of revision 0001, in its SQL: a session half-way, with a claim of a worker
-- that has gone. They stay as they are; test_upgrades.py brings them to the newest revision.
insert into catalogue (
  tmdb_id, imdb_id, title, original_title, release_date, genres, directors, top_cast,
  runtime_minutes, countries, languages, overview, poster_path, vote_average, vote_count,
  popularity
)
values (
  603, 'tt0133093', 'The Matrix', 'The Matrix', '1999-03-31', '{Action}',
  '[{"id": 9340, "name": "Lana Wachowski"}]',
  '[{"id": 6384, "name": "Keanu Reeves", "character": "Neo"}]',
  136, '{US}', '{en}', 'Set in the 22nd century', '/p.jpg', 8.2, 26000, 85.5
);
insert into titles (name, year, tmdb_id, title, original_title, vote_count)
values ('the matrix', 1999, 603, 'The Matrix', 'The Matrix', 26000);
insert into surveys (year, next_page, finished_at, is_complete)
values (1999, 4, clock_timestamp(), true);
insert into workers (id, host, heartbeat_at, interval_seconds, in_flight, tmdb_state)
values (
  '0b5c1f6e-0000-4000-8000-000000000001', 'gone', clock_timestamp() - interval '1 hour', 10, 1,
  'up'
);
insert into lookups (
  key, title, outcome, reason, tmdb_id, confidence, candidates, answered_at, attempts, due_at,
  turn, claimed_by, claim_token
)
values
  ('tmdb:603', null, 'found', 'tmdb_id', 603, 100, null, clock_timestamp(), 0, null, null,
   null, null),
  ('title:nobody made this|1950', 'Nobody Made This', 'not_found', 'no_candidates', null, null,
   '[{"tmdb_id": 1, "title": "Somebody", "year": 1951, "score": 40, "poster_path": null}]', clock_timestamp(), 0, null, null, null, null),
  ('title:alien|1979', 'Alien', null, null, null, null, null, null, 2, clock_timestamp(), 1,
   null, null),
  ('title:heat|1995', 'Heat', null, null, null, null, null, null, 0, clock_timestamp(), 2,
   '0b5c1f6e-0000-4000-8000-000000000001', gen_random_uuid());
insert into sessions (id, total, enriched, not_found, read_at, edition, positions)
values (
  'aaaaaaaa-0000-4000-8000-000000000001', 4, 1, 1, clock_timestamp() - interval '2 days', 1, 5
);
insert into movies (
  session_id, position, lookup_id, title, year, watched, rating, rating_original, watch_dates,
  rewatches, liked, tags, review, in_watchlist, lists, source_url, origins
)
select
  'aaaaaaaa-0000-4000-8000-000000000001', id, id, split_part(key, ':', 2), 1999, true, 4.5,
  '9/10', '{2001-02-03,2011-02-03}', 1, true, '{"with \"quotes\"",ünï}', e'Two\nlines', false,
  '{Best of}', 'https://example.org/film', '{"from": "diary"}'
from lookups;
insert into upload_reports (session_id, report)
values ('aaaaaaaa-0000-4000-8000-000000000001', '{"total_movies": 4}');
insert into idempotency_keys (key, body_sha256, session_id, upload_id)
select 'a-key', sha256('a list'), session_id, upload_id from upload_reports;
insert into upload_reports (session_id, report)
values ('aaaaaaaa-0000-4000-8000-000000000001', '{"total_movies": 1}');
update queue_clock set virtual_time = 2;
update request_window
set slots = array_fill('2001-02-03 04:05:06+00'::timestamptz, array[40]), granted = 3;
update fleet
set
  tmdb_state = 'down', tmdb_reason = 'it was', tmdb_probes = 2, tmdb_probe_at = clock_timestamp();
