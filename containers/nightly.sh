#!/bin/sh
# At the start, and every night at $AT: import what was played, analyse and train, and write the lists. --once: now alone.
set -u
trap 'exit 0' INT TERM

run() {
    # An address or a file with the plays, as in IMPORT="navidrome /navidrome/navidrome.db".
    # shellcheck disable=SC2086
    [ -z "${IMPORT:-}" ] || beet cfimport $IMPORT
    beet cfembed && beet cfplaylists
}

run
status=$?
[ "${1:-}" != --once ] || exit $status
while :; do
    now=$(date +%s)
    next=$(date -d "today ${AT:=04:00}" +%s)
    [ "$next" -gt "$now" ] || next=$(date -d "tomorrow $AT" +%s)
    echo "The next run is at $AT."
    sleep $((next - now)) &
    wait $!
    run
done
