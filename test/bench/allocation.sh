# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions

ways=(insert ours row_lock row_lock_sql retry skip_locked)

measure_allocation() {
	local way clients commit round cells tps
	make_database allocation
	run_sql -o /dev/null -f "$here/allocation.sql"
	echo "INSERT INTO ipam.ip_address (address) VALUES (inet '20.16.0.0' + nextval('bench.next_known'));" >insert.sql
	echo 'SELECT address FROM ipam.allocate_ip_addresses(:range);' >ours.sql
	echo 'SELECT bench.row_lock(:range);' >row_lock.sql
	echo 'SELECT bench.row_lock_sql(:range);' >row_lock_sql.sql
	echo 'SELECT bench.retry(:range);' >retry.sql
	echo 'SELECT bench.skip_locked();' >skip_locked.sql

	echo 'Allocations per second in one hot /12, medians:'
	echo
	header 'clients' 'synchronous_commit' 'INSERT of a known address' 'allocate_ip_addresses' 'range row lock' 'range row lock, SQL search' \
		'retry on unique violation' 'SKIP LOCKED' 'ours / INSERT' 'ours / row lock' 'ours / row lock, SQL'
	for clients in 1 8; do
		for commit in on off; do
			progress "allocation: $clients clients, synchronous_commit $commit"
			for way in "${ways[@]}"; do : >"$way.tps"; done
			for ((round = 0; round < rounds; round++)); do
				for way in "${ways[@]}"; do
					# shellcheck disable=SC2034 # transactions_per_second reads it
					range=$(ask "SELECT coalesce(bench.range_of('$way'), 0)")
					transactions_per_second "$way.sql" "$clients" "$commit" >>"$way.tps"
				done
			done
			cells=()
			for way in "${ways[@]}"; do
				tps=$(median "$way.tps")
				cells+=("${tps%.*}")
			done
			row "$clients" "$commit" "${cells[@]}" "$(awk -v a="${cells[1]}" -v b="${cells[0]}" 'BEGIN { printf "%.2f", a / b }')" \
				"$(ratio "${cells[1]}" "${cells[2]}")" "$(ratio "${cells[1]}" "${cells[3]}")"
		done
	done
	echo
	[[ $(ask 'SELECT count(*) FROM (SELECT FROM ipam.ip_address GROUP BY address HAVING count(*) > 1) AS twice') == 0 ]] ||
		die "an address was given out twice"
	dropdb allocation
}
