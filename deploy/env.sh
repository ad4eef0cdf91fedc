#!/bin/sh
# Writes .env and .env.demo for compose.yaml, each once and with secrets of its own: `make env`.
# One that is there stays as it is, but for the roles' passwords: an earlier release had none.
set -eu
umask 077

random() { # BYTES: as hexadecimal digits, which need no escaping in an address
  od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'
}

# FILE: from standard input, whole or not at all; to one that is there, only what it lacks is added.
write() {
  if [ -e "$1" ]; then
    lacking=$(grep -E '^(OWNER|API|DAEMON)_PASSWORD=' | while IFS= read -r line; do
      grep -q "^${line%%=*}=." "$1" || printf '%s\n' "$line"
    done)
    if [ -n "$lacking" ]; then
      printf '\n# The passwords of the roles, added by `make env`.\n%s\n' "$lacking" >>"$1"
      echo "$1 is there already; the passwords of the roles are added"
    else
      echo "$1 is there already and stays as it is"
    fi
    return
  fi
  cat >"$1.new"
  mv "$1.new" "$1"
  echo "$1 is written"
}

write .env <<ENV
# Your TMDB key, v3 (32 hex digits) or v4 (eyJ...). Other settings of the README may follow.
TMDB_API_KEY=

# Made by \`make env\`. The first password is the superuser's, from the first start of the database
# on; the others are those of the roles, set at each start.
POSTGRES_PASSWORD=$(random 24)
OWNER_PASSWORD=$(random 24)
API_PASSWORD=$(random 24)
DAEMON_PASSWORD=$(random 24)
ADMIN_TOKEN=$(random 24)
ENV

# Apart from the real one by the name of the project, and so by its volume: what the stand-in tells
# must never answer for TMDB.
write .env.demo <<ENV
# The demonstration, without a key: docker compose --env-file .env.demo up
COMPOSE_PROJECT_NAME=projectionist-demo
COMPOSE_PROFILES=demo
TMDB_BASE_URL=http://stand-in:8003
TMDB_IMAGE_BASE_URL=http://127.0.0.1:8003/t/p
TMDB_API_KEY=$(random 16)
SAMPLE_LIST=/app/sample

POSTGRES_PASSWORD=$(random 24)
OWNER_PASSWORD=$(random 24)
API_PASSWORD=$(random 24)
DAEMON_PASSWORD=$(random 24)
ADMIN_TOKEN=$(random 24)
ENV
