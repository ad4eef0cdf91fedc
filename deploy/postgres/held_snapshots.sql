-- List what keeps vacuum from removing dead rows of this database, oldest first, with the command that ends
-- each. Run it with psql as an administrator or a role in pg_read_all_stats: others cannot see who holds a
-- snapshot. It ends nothing by itself.

select transactions_since, began, holder, to_end_it
from (
  select
    greatest(age(backend_xid), age(backend_xmin)),
    xact_start,
    concat_ws(', ', usename, application_name, host(client_addr), state, left(query, 60)),
    case
      when backend_type = 'walsender' then '-- on that standby, end what has run for long'
      else format('select pg_terminate_backend(%s)', pid)
    end
  from pg_stat_activity
  where pid <> pg_backend_pid()
    and (datname = current_database() or datname is null)
    and pid not in (select pid from pg_stat_progress_vacuum)
  union all
  select
    age(transaction),
    prepared,
    format('%s, a prepared transaction', owner),
    format('rollback prepared %L', gid)
  from pg_prepared_xacts
  where database = current_database()
  union all
  select
    age(xmin),
    null,
    format('%s, a replication slot', slot_name),
    case
      when active then '-- on its standby, end what has run for long'
      else format('select pg_drop_replication_slot(%L)', slot_name)
    end
  from pg_replication_slots
) as holders (transactions_since, began, holder, to_end_it)
where transactions_since > 0
order by transactions_since desc;
