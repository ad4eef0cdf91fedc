#!/bin/sh
# Dumps the database into a file of its own, reads the whole of it again, and only then counts it as a
# backup; earlier ones stay until there are enough newer ones. Exits with 0 only if there is a new one.
#
#   deploy/backup.sh          of the database of compose.yaml
#   deploy/backup.sh server   of the one that PGHOST, PGUSER and PGPASSWORD lead to
#
# BACKUP_FOLDER (backups) is where they are, the newest one being latest.dump; BACKUP_KEEP (7) is how many.
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
  echo "BACKUP_KEEP is $keep, and must be 1 or more" >&2
  exit 64
fi

mkdir -p "$folder"
# What a power cut left of an earlier one.
find "$folder" -maxdepth 1 -name '.projectionist-*.part' -mtime +1 -exec rm -f {} +
name=projectionist-$(date -u +%Y%m%dT%H%M%SZ)-$$.dump
part=$folder/.$name.part
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM

# Aside: what was dumped last is the last good one until this one is known to be good.
dump >"$part"

# All of it, the data too, so a dump that was cut short is found now and not when it is needed.
tool pg_restore --file=/dev/null <"$part"
tool pg_restore --list <"$part" | grep ' TABLE DATA public sessions ' >/dev/null || {
  echo "The dump has no sessions in it: is this the database of Projectionist?" >&2
  exit 1
}
sync
mv "$part" "$folder/$name"
ln -sf "$name" "$folder/.latest-$$"
mv "$folder/.latest-$$" "$folder/latest.dump"
echo "$folder/$name is there, $(wc -c <"$folder/$name") bytes"

# Their names are in the order of their times.
ls -1 "$folder" | grep '^projectionist-.*\.dump$' | sort -r | tail -n "+$((keep + 1))" |
  while IFS= read -r old; do
    rm -f "$folder/$old"
  done
