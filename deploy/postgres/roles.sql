-- Create Projectionist's three roles and give them this database: an owner that migrates, one role for the
-- API and one for the daemon. Run it with psql in the project's own database, as a superuser or as an owner of
-- the database who may create roles. It is idempotent. It sets no passwords (use
-- `\password projectionist_api`) and grants nothing on tables: `alembic upgrade head`, run as
-- projectionist_owner, grants each service what its SQL needs (migrations/grants.py).

do $$
declare
  role_name text;
begin
  foreach role_name in array
    array['projectionist_owner', 'projectionist_api', 'projectionist_daemon']
  loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I login', role_name);
    end if;
  end loop;
  -- Without superuser rights, only a member of a role can transfer ownership to it.
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant projectionist_owner to %I', current_user);
  end if;
end
$$;

-- Who may connect, and who may create the temporary tables for uploads.
do $$
begin
  execute format('alter database %I owner to projectionist_owner', current_database());
  execute format('revoke all on database %I from public', current_database());
  execute format(
    'grant connect on database %I to projectionist_api, projectionist_daemon', current_database()
  );
  execute format('grant temporary on database %I to projectionist_api', current_database());
end
$$;

-- The schema belongs to the database's owner. Databases from before PostgreSQL 15 let everyone create tables
-- in it.
revoke create on schema public from public;
grant usage on schema public to projectionist_api, projectionist_daemon;

-- Transfer what another user's migrations created to the owner. Leave extensions' objects alone.
do $$
declare
  thing record;
begin
  for thing in
    select 'table' as kind, oid::regclass::text as name
    from pg_class
    where relnamespace = 'public'::regnamespace
      and relkind in ('r', 'p')
      and relowner <> 'projectionist_owner'::regrole
      and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
      )
    union all
    select 'function', oid::regprocedure::text
    from pg_proc
    where pronamespace = 'public'::regnamespace
      and proowner <> 'projectionist_owner'::regrole
      and not exists (
        select from pg_depend
        where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e'
      )
  loop
    execute format('alter %s %s owner to projectionist_owner', thing.kind, thing.name);
  end loop;
end
$$;
