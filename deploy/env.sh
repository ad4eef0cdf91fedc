#!/bin/sh
# Writes .env and .env.demo for compose.yaml, each once and with secrets of its own: `make env`.
set -eu
umask 077

random() { # BYTES: as hexadecimal digits, which need no escaping in an address
  od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'
}

write() { # FILE: from standard input, whole or not at all, and never over one that is there
  if [ -e "$1" ]; then
    cat >/dev/null
    echo "$1 is there already and stays as it is"
    return
  fi
  cat >"$1.new"
  mv "$1.new" "$1"
  echo "$1 is written"
}

write .env <<ENV
# Your TMDB key, v3 (32 hex digits) or v4 (eyJ...). Other settings of the README may follow.
TMDB_API_KEY=

# Made by \`make env\`. The password is that of the database from its first start on.
POSTGRES_PASSWORD=$(random 24)
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
ADMIN_TOKEN=$(random 24)
ENV
