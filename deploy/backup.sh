#!/bin/sh
# Back up the database: dump it to a temporary file, read all of it back, then move it into place. Exits
# with 0 only if there is a new backup; a failed one leaves the earlier ones alone.
#
#   deploy/backup.sh          back up the database of compose.yaml
#   deploy/backup.sh server   back up the one that PGHOST, PGUSER and PGPASSWORD name
#
# BACKUP_FOLDER (backups) holds the backups, with a link latest.dump; BACKUP_KEEP (7) is how many to keep.
set -eu
umask 077
cd "$(dirname "$0")/.."
folder=${BACKUP_FOLDER:-backups}
keep=${BACKUP_KEEP:-7}

case ${1:-compose} in
  compose)
    tool() { docker compose exec -T db "$@"; }
    dump() { tool pg_dump --username=projectionist --format=custom projectionist; }
    ;;
  server)
    tool() { "$@"; }
    dump() { tool pg_dump --format=custom "${PGDATABASE:-projectionist}"; }
    ;;
  *)
    sed -n '5,6p' "$0" >&2
    exit 64
    ;;
esac
if ! [ "$keep" -ge 1 ]; then
  echo "BACKUP_KEEP is $keep but must be 1 or more" >&2
  exit 64
fi

mkdir -p "$folder"
# Remove what a power cut left of an earlier run.
find "$folder" -maxdepth 1 -name '.projectionist-*.part' -mtime +1 -exec rm -f {} +
name=projectionist-$(date -u +%Y%m%dT%H%M%SZ)-$$.dump
part=$folder/.$name.part
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM

# Dump to a temporary file: the previous backup stays the newest until this one is verified.
dump >"$part"

# Read everything, data included, to find a truncated dump now and not when it is needed.
tool pg_restore --file=/dev/null <"$part"
tool pg_restore --list <"$part" | grep ' TABLE DATA public sessions ' >/dev/null || {
  echo "The dump has no sessions table: is this Projectionist's database?" >&2
  exit 1
}
sync
mv "$part" "$folder/$name"
ln -sf "$name" "$folder/.latest-$$"
mv "$folder/.latest-$$" "$folder/latest.dump"
echo "Wrote $folder/$name, $(wc -c <"$folder/$name") bytes"

# The names sort by time.
ls -1 "$folder" | grep '^projectionist-.*\.dump$' | sort -r | tail -n "+$((keep + 1))" |
  while IFS= read -r old; do
    rm -f "$folder/$old"
  done
