#!/usr/bin/env bash
# Puts the tables of the last run into docs/performance.md, each in the place of the one with the same header, and the
# charts beside it. The words around them are for people: read them again afterwards.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

[[ -s build/bench/tables.md ]] || {
	echo "update_docs: there is no build/bench/tables.md; make bench writes it" >&2
	exit 1
}
awk '
	FILENAME == ARGV[1] {
		if (/^\|/ && before !~ /^\|/) header = $0
		if (/^\|/) table[header] = table[header] $0 "\n"
		before = $0
		next
	}
	!/^\|/ { skipping = 0 }
	skipping { next }
	$0 in table { printf "%s", table[$0]; updated[$0]; skipping = 1; next }
	{ print }
	END { for (header in table) if (!(header in updated)) print "update_docs: no such table: " header >"/dev/stderr" }
' build/bench/tables.md docs/performance.md >build/bench/performance.md
cp build/bench/performance.md docs/performance.md
for chart in time_against_fullness allocations_against_clients; do
	[[ ! -s build/bench/$chart.svg ]] || cp "build/bench/$chart.svg" docs/
done
