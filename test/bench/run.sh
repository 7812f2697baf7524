#!/usr/bin/env bash
# Measures the free search, the search for room, listings, allocation and the cost of writing; prints tables for docs/performance.md.
#
#   make bench               small: W4 and W5 are a /12; about 3 minutes
#   make bench SCALE=full    the real sizes; about 15 minutes, 16 GB below /tmp
#   make bench PART=writing  only that, or only allocation, listing, reading, room or subnets
#   make bench PART=large    the life of a large store; not part of the others. `make large` is that at full scale
#
# README.md in this folder says what is measured and how. Only something broken makes it fail,
# never slowness.
set -euo pipefail

die() {
	echo "bench: $*" >&2
	exit 1
}
progress() { echo "$(date +%T) $*" >&2; }

[[ -n ${IPAM_STAGED_CONF:-} ]] || die "needs the throw-away server that 'make bench' starts"
# limit: seconds for one call; budget: seconds for the repetitions of one cell in a round
case ${SCALE:=small} in
small) large_prefix=12 limit=3 budget=0.3 write_seconds=1 copy_rows=100000 ;;
full) large_prefix=8 limit=30 budget=1 write_seconds=3 copy_rows=1000000 ;;
*) die "SCALE is small or full, not $SCALE" ;;
esac
[[ ${PART:=all} =~ ^(all|allocation|large|listing|reading|room|subnets|writing)$ ]] || die "PART is all, allocation, large, listing, reading, room, subnets or writing, not $PART"
rounds=3
here=$(dirname "$(readlink -f "$0")")
work=$PGHOST/bench # test/scratch removes it
mkdir "$work"
cd "$work"

run_sql() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }
ask() { run_sql -A -t -c "$1"; }

# --- server -----------------------------------------------------------------------------------

# What test/scratch has started is made for short tests: no fsync, small buffers.
configure_server() {
	local setting as_server=()
	for setting in fsync=on shared_buffers=2GB work_mem=64MB maintenance_work_mem=256MB \
		max_wal_size=16GB checkpoint_timeout=1h autovacuum=off jit=off; do
		run_sql -c "ALTER SYSTEM SET ${setting%=*} = '${setting#*=}'"
	done
	((EUID)) || as_server=(setpriv --reuid=postgres --regid=postgres --init-groups)
	(cd / && "${as_server[@]}" pg_ctl restart -s -w -D "$PGHOST/data" -l "$PGHOST/log") ||
		die "the server did not start again: $(tail -n 5 "$PGHOST/log")"
}

make_database() {
	createdb "$1"
	export PGDATABASE=$1
	PGOPTIONS='-c client_min_messages=warning' run_sql -c 'CREATE EXTENSION ipam CASCADE' \
		-c 'CALL ipam.provision()' -c 'CREATE SCHEMA bench'
}

# --- numbers ----------------------------------------------------------------------------------

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# Microseconds as milliseconds with about three digits.
milliseconds() {
	awk -v us="$1" 'BEGIN { ms = us / 1000
		printf(ms < 1 ? "%.3f" : ms < 10 ? "%.2f" : ms < 100 ? "%.1f" : "%.0f", ms) }'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { r = a / b; printf(r < 10 ? "%.1f" : "%.0f", r) }'; }

smaller() { awk -v a="$1" -v b="${2:-$1}" 'BEGIN { print (a < b ? a : b) }'; }

row() {
	printf '| %s ' "$@"
	echo '|'
}

header() {
	row "$@"
	row "${@/*/---}"
}

# --- reading ----------------------------------------------------------------------------------

# call FORM: how a query asks for :wanted free addresses of :range.
call() {
	case $1 in
	select) echo 'SELECT ipam.get_free_ip_addresses(:range, count => :wanted) AS address' ;;
	from) echo 'SELECT f.address FROM ipam.get_free_ip_addresses(:range, count => :wanted) AS f(address)' ;;
	*) echo "SELECT f.address FROM bench.$1(:range, :wanted) AS f(address)" ;;
	esac
}

# first_call FORM RANGE WANTED: the answer's count and checksum; its microseconds go to $elapsed.
first_call() {
	local begin=$EPOCHREALTIME status=0
	answer=$(PGOPTIONS="-c statement_timeout=${limit}s" psql -X -A -t -q -v ON_ERROR_STOP=1 -v VERBOSITY=sqlstate \
		-v range="$2" -v wanted="$3" 2>"$work/error" \
		<<<"SELECT count(*), md5(string_agg(host(address), ',')) FROM ($(call "$1")) AS f;") || status=$?
	elapsed=$((${EPOCHREALTIME/./} - ${begin/./}))
	((status == 0)) && return
	grep -q 57014 "$work/error" || die "$1 of range $2: $(cat "$work/error")"
	answer=
}

# time_script FILE TRANSACTIONS INTO [OPTION...]: appends client round trips in microseconds. The
# first one fills the caches of a new session; it counts only where it is the only one.
time_script() {
	local script=$1 transactions=$2 into=$3
	shift 3
	rm -f "$work"/log.*
	pgbench -n -M prepared -t "$transactions" -f "$script" --log --log-prefix="$work/log" "$@" >"$work/pgbench" 2>&1 ||
		die "pgbench: $(cat "$work/pgbench")"
	awk -v only="$transactions" 'NR > 1 || only == 1 { print $3 }' "$work"/log.* >>"$into"
}

forms=(select from literal_loop ordered_loop anti_join lead_gaps loose_scan)

# measure WORKLOAD WANTED: one line of the table.
measure() {
	local workload=$1 wanted=$2 form range round us expected='' ours='' others='' cells=()
	local -A transactions=()
	range=$(ask "SELECT range_id FROM bench.workload WHERE name = '$workload'")

	# All forms give the same addresses, and how long that takes tells how often to repeat it.
	for form in "${forms[@]}"; do
		first_call "$form" "$range" "$wanted"
		if [[ -n $answer ]]; then
			: "${expected:=$answer}"
			[[ $answer == "$expected" ]] || die "$workload, $wanted addresses: $form finds $answer, not $expected"
			# About 20 ms of it were psql's.
			transactions[$form]=$(awk -v us="$elapsed" -v s="$budget" 'BEGIN {
				us -= 20000; n = int(s * 1e6 / (us < 1000 ? 1000 : us)); print (us > 1e6 ? 1 : n < 3 ? 3 : n) }')
		fi
	done

	for form in "${!transactions[@]}"; do
		if ((wanted > 1000)); then # not the time that a client takes to read a million rows
			echo "SELECT count(*) FROM ($(call "$form")) AS f;" >"$form.sql"
		else
			echo "$(call "$form");" >"$form.sql"
		fi
		: >"$form.us"
	done
	for ((round = 0; round < rounds; round++)); do
		for form in "${forms[@]}"; do
			[[ -z ${transactions[$form]:-} ]] ||
				time_script "$form.sql" "${transactions[$form]}" "$form.us" -D range="$range" -D wanted="$wanted"
		done
	done

	for form in "${forms[@]}"; do
		if [[ -z ${transactions[$form]:-} ]]; then
			cells+=("> ${limit}000")
			continue
		fi
		us=$(median "$form.us")
		cells+=("$(milliseconds "$us")")
		if [[ $form == select || $form == from ]]; then
			ours=$(smaller "$us" "$ours")
		else
			others=$(smaller "$us" "$others")
		fi
	done
	[[ -n $expected ]] || progress "reading: $workload, $wanted addresses: nothing was fast enough"
	if [[ -n $ours && -n $others ]]; then
		cells+=("$(ratio "$others" "$ours")")
	else
		cells+=(-)
	fi
	row "$workload / ${wanted/1048574/all}" "${cells[@]}"
}

# measure_count WORKLOAD: one line of the table.
measure_count() {
	local range ipam plain
	range=$(ask "SELECT range_id FROM bench.workload WHERE name = '$1'")
	echo 'SELECT ipam.count_used_ip_addresses(:range);' >ipam.sql
	echo 'SELECT count(*) FROM ipam.ip_address WHERE range_id = :range;' >plain.sql
	: >ipam.us
	: >plain.us
	time_script ipam.sql 30 ipam.us -D range="$range"
	PGOPTIONS='-c max_parallel_workers_per_gather=0 -c enable_seqscan=off -c enable_bitmapscan=off' \
		time_script plain.sql 4 plain.us -D range="$range"
	ipam=$(median ipam.us) plain=$(median plain.us)
	row "$1" "$(milliseconds "$ipam")" "$(milliseconds "$plain")" "$(awk -v a="$ipam" -v b="$plain" 'BEGIN { printf "%.3f", a / b }')"
}

measure_reading() {
	local us=floor.us range cell
	progress "reading: loading the workloads"
	make_database reading
	run_sql -f "$here/alternatives.sql"
	run_sql -v large_prefix="$large_prefix" -f "$here/workload.sql"
	run_sql -c 'CALL ipam.rebuild_occupancy()'

	echo "First free addresses, milliseconds of a client's round trip, medians:"
	echo
	header 'workload / count' 'ipam, select list' 'ipam, FROM' 'literal loop' 'ordered loop' 'anti-join' 'lead()' \
		'loose scan' 'best other / best ipam'
	for cell in 'W1 1' 'W1 1000' 'W2 1' 'W2 1000' 'W3 1' 'W4 1' 'W5 1' 'W5 1000' 'W6 1' 'W6 1000' 'W7 1048574'; do
		progress "reading: $cell"
		# shellcheck disable=SC2086 # workload and count
		measure $cell
	done
	echo
	echo 'For comparison:'
	echo
	header 'what' 'ms'
	echo 'SELECT 1;' >floor.sql
	: >$us
	time_script floor.sql 1000 $us
	row 'SELECT 1' "$(milliseconds "$(median $us)")"
	# Without client and executor: ten thousand calls in one statement, which may not know that they are the same.
	range=$(ask "SELECT range_id FROM bench.workload WHERE name = 'W1'")
	echo 'SELECT count(*) FROM (SELECT ipam.get_free_ip_addresses(:range, count => 1 + 0 * i)
	      FROM generate_series(1, 10000) AS i) AS f;' | tr '\n' ' ' >floor.sql
	: >$us
	time_script floor.sql 10 $us -D range="$range"
	row 'ipam, W1 / 1, inside the server' "$(milliseconds "$(awk -v us="$(median $us)" 'BEGIN { print us / 10000 }')")"
	range=$(ask "SELECT range_id FROM bench.workload WHERE name = 'W4'")
	echo 'SELECT count(*) FROM ipam.ip_address WHERE range_id = :range;' >floor.sql
	: >$us
	PGOPTIONS='-c max_parallel_workers_per_gather=0 -c enable_seqscan=off -c enable_bitmapscan=off' \
		time_script floor.sql 4 $us -D range="$range"
	row 'index-only count(*) of W4' "$(milliseconds "$(median $us)")"
	# A serializable transaction does without occupancy.
	echo 'SELECT ipam.get_free_ip_addresses(:range);' >floor.sql
	: >$us
	PGOPTIONS='-c default_transaction_isolation=serializable' time_script floor.sql 4 $us -D range="$range"
	row 'ipam, W4 / 1, without occupancy' "$(milliseconds "$(median $us)")"
	echo
	echo 'Used addresses of a range, counted, milliseconds:'
	echo
	header 'workload' 'count_used_ip_addresses()' 'index-only count(*)' 'ipam / count(*)'
	for cell in W2 W4 W5; do
		measure_count "$cell"
	done
	echo
	echo
}

# shellcheck source=test/bench/allocation.sh
. "$here/allocation.sh"
# shellcheck source=test/bench/room.sh
. "$here/room.sh"
# shellcheck source=test/bench/listing.sh
. "$here/listing.sh"
# shellcheck source=test/bench/writing.sh
. "$here/writing.sh"
# shellcheck source=test/bench/large.sh
. "$here/large.sh"

# --- subnets ----------------------------------------------------------------------------------

# measure_subnets_of NAME: COPY of the networks in networks.tsv, into empty tables.
measure_subnets_of() {
	local round ipam bare same
	: >ipam.us
	: >bare.us
	: >same.us
	for ((round = 0; round < rounds; round++)); do
		progress "subnets: $1, round $((round + 1))"
		PGOPTIONS='-c client_min_messages=warning' run_sql -c 'TRUNCATE bench.bare, ipam.ip_subnet CASCADE'
		time_copy bare '\copy bench.bare (network, name) FROM networks.tsv'
		time_copy ipam '\copy ipam.ip_subnet (network, name) FROM networks.tsv'
		run_sql -c '\copy (SELECT network, name, extent, address_category, use_for_utilization FROM ipam.ip_subnet ORDER BY id) TO same.tsv' \
			-c 'TRUNCATE bench.bare'
		time_copy same '\copy bench.bare (network, name, extent, address_category, use_for_utilization) FROM same.tsv'
		[[ $(ask "SELECT count(*) FROM ipam.check_plan()") == 0 ]] || die "subnets: ipam.check_plan() finds something wrong"
	done
	ipam=$(median ipam.us) bare=$(median bare.us) same=$(median same.us)
	row "$1" "$(ask 'SELECT count(*) FROM ipam.ip_subnet')" "$(ask 'SELECT count(*) FROM ipam.ip_subnet WHERE NOT use_for_utilization')" \
		"$(milliseconds "$ipam")" "$(milliseconds "$bare")" "$(ratio "$ipam" "$bare")" "$(milliseconds "$same")" "$(ratio "$ipam" "$same")"
}

measure_subnets() {
	local file=${IPAM_TEST_DATA:-}/rir/country_prefixes_20260201.csv.gz
	if [[ ! -r $file ]]; then
		progress "subnets: left out, there is no $file"
		return
	fi
	make_database subnets
	# The same columns and one unique index; no constraints, triggers, foreign keys or generated columns.
	run_sql <<-'END'
		CREATE TABLE bench.bare (LIKE ipam.ip_subnet INCLUDING DEFAULTS INCLUDING IDENTITY);
		ALTER TABLE bench.bare ALTER COLUMN extent DROP NOT NULL, ALTER COLUMN virtualization_type SET DEFAULT 'NonVirtualized',
			ALTER COLUMN use_for_utilization SET DEFAULT true, ADD UNIQUE (address_space_id, network);
	END
	echo 'COPY of networks as subnets, milliseconds, medians:'
	echo
	header 'networks' 'rows' 'not used for utilization' 'ipam.ip_subnet' 'bare table' 'ipam / bare' \
		'bare table, given what ipam works out' 'ipam / that'
	gunzip -c "$file" | awk -F, -v OFS='\t' 'NR > 1 { print $3, $1 }' >networks.tsv
	measure_subnets_of 'delegated prefixes'
	# What encloses two or four of them each, and in no order.
	run_sql -c "\\copy (SELECT network, name FROM (SELECT network, name FROM ipam.ip_subnet UNION
		SELECT around, 'around' FROM (SELECT network(set_masklen(network, masklen(network) - 2))::cidr AS around FROM ipam.ip_subnet) AS a
		WHERE ipam.address_category(around, broadcast(around)) IS NOT NULL AND NOT EXISTS (SELECT FROM ipam.ip_subnet AS s WHERE s.network = around)) AS n
		ORDER BY md5(network::text)) TO networks.tsv"
	measure_subnets_of 'and those two bits larger, shuffled'
	echo
	dropdb subnets
}

# ----------------------------------------------------------------------------------------------

configure_server
echo "$(psql --version | sed 's/^psql (PostgreSQL) /PostgreSQL /'), $(nproc) cores, $(date +%F), SCALE=$SCALE"
echo
[[ $PART =~ ^(all|writing)$ ]] && measure_writing
[[ $PART =~ ^(all|subnets)$ ]] && measure_subnets
[[ $PART =~ ^(all|allocation)$ ]] && measure_allocation
[[ $PART =~ ^(all|room)$ ]] && measure_room
[[ $PART =~ ^(all|listing)$ ]] && measure_listing
[[ $PART =~ ^(all|reading)$ ]] && measure_reading
[[ $PART == large ]] && measure_large
progress "done"
