#!/bin/sh
# Create the roles of roles.sql and set their passwords. compose.yaml runs it at each start, so a password
# changed in .env takes effect at the next one.
#
# PGHOST, PGUSER, PGPASSWORD and PGDATABASE name the project's own database and its superuser.
set -eu
: "${OWNER_PASSWORD:?}" "${API_PASSWORD:?}" "${DAEMON_PASSWORD:?}"

# While a new database is initialised, it listens on a socket only.
tries=0
until pg_isready --quiet; do
  tries=$((tries + 1))
  if [ "$tries" -gt 120 ]; then
    echo "The database at $PGHOST does not answer" >&2
    exit 1
  fi
  sleep 1
done

run() {
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$@"
}

password() { # ROLE PASSWORD: psql hashes it, so the server never logs it
  printf '%s\n%s\n' "$2" "$2" | run --command="\\password $1"
}

run --file="$(dirname "$0")/roles.sql"
password projectionist_owner "$OWNER_PASSWORD"
password projectionist_api "$API_PASSWORD"
password projectionist_daemon "$DAEMON_PASSWORD"
