#!/bin/sh
# What Tera does, in a minute, in a home folder of its own.
set -eu
cd "$(dirname "$0")"
export TERA_HOME="$PWD/../.demo"
rm -rf "$TERA_HOME"
# The background agent would otherwise wait for half an hour.
trap 'tera agent stop 2> /dev/null' EXIT

say() {
    printf '\n$ %s\n' "$*"
}

say 'tera remember notes/'
tera remember notes/

say 'tera remember "The spare key is with Mr Brandt on the second floor"'
tera remember "The spare key is with Mr Brandt on the second floor"

say 'tera remember --title "Residents meeting" --tag house < minutes.txt'
tera remember --title "Residents meeting" --tag house < minutes.txt

say 'tera ask "Which port does the staging database use?"'
tera ask "Which port does the staging database use?"

say 'tera ask "When is the lift out of order?" --tag house'
tera ask "When is the lift out of order?" --tag house

say 'tera ask "What did we pay for the car?" || echo "exit code $?"'
tera ask "What did we pay for the car?" || echo "exit code $?"
