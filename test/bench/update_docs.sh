#!/usr/bin/env bash
# Puts the tables of the last run into the pages, docs/performance.md and docs/measurements.md, each in the place of the one
# with the same header, and the charts beside them. The words around them are for people: read them again afterwards.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

[[ -s build/bench/tables.md ]] || {
	echo "update_docs: there is no build/bench/tables.md; make bench writes it" >&2
	exit 1
}
awk '
	FNR == 1 {
		file++
		skipping = 0
		page = FILENAME
		sub(/.*\//, "build/bench/", page)
	}
	file == 1 {
		if (/^\|/ && before !~ /^\|/) header = $0
		if (/^\|/) table[header] = table[header] $0 "\n"
		before = $0
		next
	}
	!/^\|/ { skipping = 0 }
	skipping { next }
	$0 in table { printf "%s", table[$0] >page; updated[$0]; skipping = 1; next }
	{ print >page }
	END { for (header in table) if (!(header in updated)) print "update_docs: no such table: " header >"/dev/stderr" }
' build/bench/tables.md docs/performance.md docs/measurements.md
for page in performance measurements; do
	cp "build/bench/$page.md" docs/
done
for chart in time_against_fullness allocations_against_clients; do
	[[ ! -s build/bench/$chart.svg ]] || cp "build/bench/$chart.svg" docs/
done
