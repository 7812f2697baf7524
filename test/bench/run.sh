#!/usr/bin/env bash
# Measures what performance.md and measurements.md tell and prints its tables; the last one is that of the figures to reach.
#
#   make bench               small: the large ranges are a /12; about 5 minutes
#   make bench SCALE=full    the real sizes; about 25 minutes, 20 GB below /tmp
#   make bench PART=writing  only that part, see parts below
#   make large               PART=large SCALE=full: the life of a large store, no part of the others
#
# The tables and charts stay in build/bench. README.md in this folder says what is measured and how. Only something
# broken makes it fail, never slowness.
set -euo pipefail

parts=(writing subnets allocation cycles conversion room listing fullness reading)

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=test/bench/measure.sh
. "$here/measure.sh"
for part in "${parts[@]}" large; do
	# shellcheck disable=SC1090 # one for each part
	. "$here/$part.sh"
done

[[ -n ${IPAM_STAGED_CONF:-} ]] || die "needs the throw-away server that 'make bench' starts"
# limit: seconds for one call; budget: seconds for the repetitions of one cell in a round
# shellcheck disable=SC2034 # the parts read them
case ${SCALE:=small} in
small)
	large_prefix=12 limit=3 budget=0.3 write_seconds=1
	copy_rows=100000 copy_rounds=5 cycles=300000 conversion_rows=500000 fullness_prefix=16
	;;
full)
	large_prefix=8 limit=30 budget=0.5 write_seconds=2
	copy_rows=1000000 copy_rounds=2 cycles=10000000 conversion_rows=5000000 fullness_prefix=12
	;;
*) die "SCALE is small or full, not $SCALE" ;;
esac
# shellcheck disable=SC2034 # the parts read it
rounds=3
if [[ ${PART:=all} != all ]]; then
	[[ " ${parts[*]} large " == *" $PART "* ]] || die "PART is all or one of ${parts[*]} large, not $PART"
	parts=("$PART")
fi

results=$(readlink -f "$here/../..")/build/bench
mkdir -p "$results"
work=$PGHOST/bench # test/scratch removes it
mkdir "$work"
cd "$work"
: >reached
cp "$results/floor.so" "$PGHOST/" # where the server may read it

measure() {
	echo "$(psql --version | sed 's/^psql (PostgreSQL) /PostgreSQL /'), $(nproc) cores, $(date +%F), SCALE=$SCALE"
	echo
	for part in "${parts[@]}"; do "measure_$part"; done
	print_targets "${parts[@]}"
}

configure_server
measure | tee "$results/tables.md"
progress "done in $SECONDS seconds; tables and charts are in $results"
