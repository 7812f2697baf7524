# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions
# One address per transaction out of one hot range, by 1 to 16 clients: ours, and as others do it.

ways=(insert ours row_lock row_lock_sql retry skip_locked)

# time_ways CLIENTS SYNCHRONOUS_COMMIT: one line of the table, and of the chart.
time_ways() {
	local way round cells=()
	local -A tps=()
	for way in "${ways[@]}"; do : >"$way.tps"; done
	# The number of clients in between is for the chart.
	for ((round = 0; round < ($1 == 1 || $1 == 8 ? rounds : 1); round++)); do
		for way in "${ways[@]}"; do
			transactions_per_second "$way.sql" "$1" "$2" -D range="$(ask "SELECT coalesce(bench.range_of('$way'), 0)")" >>"$way.tps"
		done
	done
	for way in "${ways[@]}"; do
		tps[$way]=$(median "$way.tps")
		cells+=("${tps[$way]%.*}")
	done
	row "$1" "$2" "${cells[@]}" "$(ratio "${tps[ours]}" "${tps[insert]}")" "$(ratio "${tps[ours]}" "${tps[row_lock]}")" \
		"$(ratio "${tps[ours]}" "${tps[row_lock_sql]}")"
	echo "$1 ${cells[*]}" >>"allocations_$2.dat"
	if (($1 == 1 || $1 == 8)); then
		reached "allocate_$1_$2" "$(ratio "${tps[ours]}" "${tps[insert]}")"
		reached "row_lock_$1_$2" "$(ratio "${tps[ours]}" "${tps[row_lock_sql]}")"
	fi
}

# Sixteen clients take the last 256 addresses of a range, sixteen each, and one asks once more.
take_the_last() {
	local range given status=0
	range=$(ask "SELECT bench.range_of('last')")
	pgbench -n -M prepared -c 16 -t 16 -f ours.sql -D range="$range" >pgbench.out 2>&1 || die "pgbench: $(cat pgbench.out)"
	given=$(ask "SELECT count(DISTINCT address) FROM ipam.ip_address WHERE range_id = $range AND address BETWEEN '21.0.2.1' AND '21.0.3.0'")
	run_sql -v VERBOSITY=sqlstate -c "SELECT ipam.allocate_ip_addresses($range)" >one_more 2>&1 || status=$?
	reached last_given "$given"
	reached last_refused "$( ((status == 0)) || grep -c IP511 one_more)"
}

measure_allocation() {
	local clients commit
	progress "allocation: loading"
	make_database allocation
	run_sql -o /dev/null -f "$here/allocation.sql"
	echo "INSERT INTO ipam.ip_address (address) VALUES (inet '20.16.0.0' + nextval('bench.next_known'));" >insert.sql
	echo 'SELECT address FROM ipam.allocate_ip_addresses(:range);' >ours.sql
	echo 'SELECT bench.row_lock(:range);' >row_lock.sql
	echo 'SELECT bench.row_lock_sql(:range);' >row_lock_sql.sql
	echo 'SELECT bench.retry(:range);' >retry.sql
	echo 'SELECT bench.skip_locked();' >skip_locked.sql
	rm -f allocations_*.dat

	echo 'Allocations per second in one hot /12, medians:'
	echo
	header 'clients' 'synchronous_commit' 'INSERT of a known address' 'allocate_ip_addresses' 'range row lock, our search' 'range row lock' \
		'retry on unique violation' 'SKIP LOCKED' 'ours / INSERT' 'ours / row lock, our search' 'ours / row lock'
	for commit in on off; do
		for clients in 1 2 4 8 16; do
			progress "allocation: $clients clients, synchronous_commit $commit"
			time_ways $clients $commit
		done
	done
	echo
	draw allocations_against_clients "allocations_on.dat" "allocations_off.dat"
	reached twice "$(ask 'SELECT count(*) FROM (SELECT FROM ipam.ip_address GROUP BY address HAVING count(*) > 1) AS twice')"
	progress "allocation: the last 256"
	take_the_last
	drop_database allocation
}
