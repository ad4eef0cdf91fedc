#!/bin/sh
# Write .env and .env.demo for compose.yaml, each once, with its own random secrets (`make env`).
# An existing file only gets the role passwords that it lacks: an earlier release had none.
set -eu
umask 077

random() { # BYTES: hexadecimal digits, which need no escaping in a URL
  od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'
}

# FILE: write standard input atomically; to an existing file add only the passwords that it lacks.
write() {
  if [ -e "$1" ]; then
    lacking=$(grep -E '^(OWNER|API|DAEMON)_PASSWORD=' | while IFS= read -r line; do
      grep -q "^${line%%=*}=." "$1" || printf '%s\n' "$line"
    done)
    if [ -n "$lacking" ]; then
      printf '\n# Passwords of the database roles, added by `make env`.\n%s\n' "$lacking" >>"$1"
      echo "$1 is there already; the passwords of the roles are added"
    else
      echo "$1 exists and stays as it is"
    fi
    return
  fi
  cat >"$1.new"
  mv "$1.new" "$1"
  echo "$1 is written"
}

write .env <<ENV
# Your TMDB key, v3 (32 hex digits) or v4 (eyJ...). You can add other settings from the README.
TMDB_API_KEY=

# Made by \`make env\`. The first password is the superuser's, set at the first start of the database;
# the others are the roles', set at each start.
POSTGRES_PASSWORD=$(random 24)
OWNER_PASSWORD=$(random 24)
API_PASSWORD=$(random 24)
DAEMON_PASSWORD=$(random 24)
ADMIN_TOKEN=$(random 24)
ENV

# Its own project name gives the demonstration its own volume: the stand-in's data must never mix with TMDB's.
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
