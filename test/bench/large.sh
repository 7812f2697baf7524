# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions

# The life of a large store. Each step is one line: how long it took, and how large the table and its indexes
# were then. After each step the answers are compared with plain SQL; a difference ends the run.

# What check_occupancy() and a full comparison of the free addresses of every range find.
large_is_right() {
	local wrong
	wrong=$(ask "
		SELECT 'check_occupancy: range ' || range_id FROM ipam.check_occupancy()
		UNION ALL
		SELECT format('range %s: %s free, %s used of %s', r.id, f.free, u.used, ipam.address_count(r.extent))
		FROM ipam.ip_range AS r JOIN (SELECT range_id, count(*) AS used FROM ipam.ip_address GROUP BY 1) AS u ON u.range_id = r.id,
		    LATERAL (SELECT count(*) AS free, min(address) AS first FROM ipam.get_free_ip_addresses(r.id, count => NULL) AS f(address)) AS f
		WHERE f.free + u.used <> ipam.address_count(r.extent)
		   OR ipam.count_used_ip_addresses(r.id) <> u.used
		   OR EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.range_id = r.id AND a.address = f.first)
		LIMIT 5")
	[[ -z $wrong ]] || die "large: after \"$1\": $wrong"
}

# step NAME COMMAND...: one line of the table.
step() {
	local name=$1 begin us
	shift
	progress "large: $name"
	begin=$EPOCHREALTIME
	"$@"
	us=$((${EPOCHREALTIME/./} - ${begin/./}))
	large_is_right "$name"
	row "$name" "$(awk -v us="$us" 'BEGIN { printf "%.1f", us / 1e6 }')" \
		"$(ask "SELECT pg_size_pretty(pg_table_size('ipam.ip_address'))")" "$(ask "SELECT pg_size_pretty(pg_indexes_size('ipam.ip_address'))")"
}

load_ranges() {
	run_sql -v half="$((large_ranges / 2))" -o /dev/null <<-'END'
		INSERT INTO ipam.ip_subnet (network, name) SELECT set_masklen('10.0.0.0'::inet + i * 32768, 17)::cidr, 'four' FROM generate_series(0, :half - 1) AS i;
		INSERT INTO ipam.ip_subnet (network, name) SELECT format('2001:db8:0:%s::/64', to_hex(i))::cidr, 'six' FROM generate_series(0, :half - 1) AS i;
		INSERT INTO ipam.ip_range (network, start_address, end_address)
		SELECT network, host(network)::inet + 1, host(network)::inet + 32766 FROM ipam.ip_subnet;
	END
}

# Four fifths of the addresses of a range side by side, and then every second one: 20,000 of 32,766.
copy_addresses() {
	local first
	for ((first = 0; first < large_ranges; first += 50)); do
		run_sql -A -t -o large.tsv -c "
			SELECT r.start_address + CASE WHEN i < 16000 THEN i ELSE 2 * i - 15999 END
			FROM (SELECT start_address FROM ipam.ip_range ORDER BY id OFFSET $first LIMIT 50) AS r, generate_series(0, 19999) AS i ORDER BY 1"
		local begin=$EPOCHREALTIME
		run_sql -c '\copy ipam.ip_address (address) FROM large.tsv'
		echo $((${EPOCHREALTIME/./} - ${begin/./})) >>large.copy
		progress "large: $((first + 50)) ranges, $(tail -n 1 large.copy) microseconds"
	done
	rm large.tsv
}

# ask_range NAME SQL: the median of 200 round trips; :range is a range at random.
ask_range() {
	local name=$1
	printf '\\set range random(1, %s)\n%s;\n' "$large_ranges" "$2" >question.sql
	: >question.us
	time_script question.sql "${3:-200}" question.us
	row "$name" "$(milliseconds "$(median question.us)")"
}

# Four clients allocate and release for a minute while autovacuum works on the table.
autovacuum_under_load() {
	local settings="autovacuum=on autovacuum_naptime=5s autovacuum_vacuum_scale_factor=0.0005 autovacuum_vacuum_cost_delay=0" setting
	for setting in $settings; do
		run_sql -c "ALTER SYSTEM SET ${setting%=*} = '${setting#*=}'"
	done
	run_sql -o /dev/null -c 'SELECT pg_reload_conf()'
	cat >allocate.sql <<-END
		\set range random(1, $large_ranges)
		SELECT count(*) FROM ipam.allocate_ip_addresses(:range, 2);
	END
	cat >release.sql <<-END
		\set range random(1, $large_ranges)
		\set at random(0, 15000)
		DELETE FROM ipam.ip_address AS a USING ipam.ip_range AS r
		WHERE r.id = :range AND a.range_id = r.id AND a.address BETWEEN r.start_address + :at AND r.start_address + :at + 2;
	END
	rm -f log.*
	pgbench -n -M prepared -c 4 -j 2 -T "$large_seconds" -f allocate.sql -f release.sql --log --log-prefix="$work/log" >pgbench.out 2>&1 ||
		die "pgbench: $(cat pgbench.out)"
	run_sql -c 'ALTER SYSTEM SET autovacuum = off' -o /dev/null -c 'SELECT pg_reload_conf()'
	vacuum_notes=$(cat log.* | sort -n -k 3 | awk '{ t[NR] = $3 } END { printf "%d transactions, median %.2f ms, 99.9 %% below %.1f ms", NR, t[int(NR / 2) + 1] / 1000, t[int(NR * 0.999)] / 1000 }')
	vacuum_notes+="; runs of autovacuum: $(ask "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relid = 'ipam.ip_address'::regclass")"
}

measure_large() {
	local vacuum_notes sql copied
	[[ $SCALE == full ]] && large_ranges=1000 large_seconds=60 || large_ranges=50 large_seconds=5
	make_database large
	run_sql -c 'CREATE EXTENSION amcheck'
	: >large.copy

	echo "$((large_ranges * 20000)) addresses in $large_ranges ranges of 32,766, half of them IPv6:"
	echo
	header 'step' 'seconds' 'table' 'its indexes'
	load_ranges
	step 'COPY (with writing the files)' copy_addresses
	copied=$(awk -v n="$((large_ranges * 20000))" '{ us += $1 } END { printf "%.1f microseconds a row", us / n }' large.copy)
	step 'VACUUM ANALYZE' run_sql -c 'VACUUM ANALYZE'
	step 'rebuild_occupancy()' run_sql -c 'CALL ipam.rebuild_occupancy()'
	step 'check_occupancy()' run_sql -o /dev/null -c 'SELECT * FROM ipam.check_occupancy()'
	step 'check_plan()' large_plan_is_right
	step 'DELETE of every twentieth address' run_sql -c 'DELETE FROM ipam.ip_address WHERE id % 20 = 0'
	step 'VACUUM after it' run_sql -c 'VACUUM ipam.ip_address'
	step 'REINDEX INDEX CONCURRENTLY, range and address' run_sql -c 'REINDEX INDEX CONCURRENTLY ipam.ip_address_range_id_address_idx'
	step 'REINDEX TABLE CONCURRENTLY' run_sql -c 'REINDEX TABLE CONCURRENTLY ipam.ip_address'
	step 'CLUSTER by range and address' run_sql -c 'CLUSTER ipam.ip_address USING ip_address_range_id_address_idx'
	step 'VACUUM after it' run_sql -c 'VACUUM ANALYZE ipam.ip_address'
	step 'rebuild_occupancy()' run_sql -c 'CALL ipam.rebuild_occupancy()'
	step 'amcheck of all B-trees' run_sql -o /dev/null -c "
		SELECT bt_index_check(indexrelid) FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid JOIN pg_am AS m ON m.oid = c.relam
		WHERE indrelid = 'ipam.ip_address'::regclass AND m.amname = 'btree'"
	step 'four clients beside autovacuum' autovacuum_under_load
	step 'check_plan()' large_plan_is_right
	echo
	echo "COPY alone: $copied. Four clients: $vacuum_notes."
	echo
	header 'question' 'ms'
	ask_range 'first free address of a range' 'SELECT ipam.get_free_ip_addresses(:range)'
	ask_range '100 free addresses of a range' 'SELECT ipam.get_free_ip_addresses(:range, count => 100)'
	ask_range 'used addresses of a range, counted' 'SELECT ipam.count_used_ip_addresses(:range)'
	ask_range 'utilization of a range' 'SELECT percent_utilized, status FROM ipam.range_utilization WHERE range_id = :range'
	ask_range 'free stretches of a range' 'SELECT count(*) FROM ipam.free_ranges(:range)'
	ask_range 'allocation of an address' 'SELECT address FROM ipam.allocate_ip_addresses(:range)'
	ask_range 'utilization of all ranges' 'SELECT count(*), sum(utilized_addresses) FROM ipam.range_utilization' 4
	for sql in ip_address_range_id_address_idx ip_address_identity_key ip_address_pkey; do
		row "size of $sql" "$(ask "SELECT pg_size_pretty(pg_relation_size('ipam.$sql'))")"
	done
	row 'size of occupancy' "$(ask "SELECT pg_size_pretty(pg_total_relation_size('ipam.occupancy') + pg_total_relation_size('ipam.occupancy_hole'))")"
	echo
	large_is_right 'questions'
}

large_plan_is_right() {
	local wrong
	wrong=$(ask "SELECT * FROM ipam.check_plan() LIMIT 5")
	[[ -z $wrong ]] || die "large: $wrong"
}
