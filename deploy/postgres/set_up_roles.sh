#!/bin/sh
# Makes the roles of roles.sql and sets the password of each; compose.yaml runs it at each start. Again
# whenever you like: a changed password in .env is the role's with the next start.
#
# PGHOST, PGUSER, PGPASSWORD and PGDATABASE name the project's own database and its superuser.
set -eu
: "${OWNER_PASSWORD:?}" "${API_PASSWORD:?}" "${DAEMON_PASSWORD:?}"

# A new database is set up on a socket first, and is not reached meanwhile.
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

password() { # ROLE PASSWORD: psql hashes it, so that no log of the server can have it
  printf '%s\n%s\n' "$2" "$2" | run --command="\\password $1"
}

run --file="$(dirname "$0")/roles.sql"
password projectionist_owner "$OWNER_PASSWORD"
password projectionist_api "$API_PASSWORD"
password projectionist_daemon "$DAEMON_PASSWORD"
