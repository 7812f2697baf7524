# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions
# Whether a range wears out: addresses of one /16, half of which is taken, are allocated and released again and
# again, with autovacuum on as in life.

# The age is given to the range in large bites; what is timed is one address at a time, which everything that is left
# lying about makes slower. A copy of the database from before stands for the start: both are measured in turns, so
# that other work on the machine, or its temperature, does not look like age.

bite=64

autovacuum() {
	run_sql -c "ALTER SYSTEM SET autovacuum = $1" -c 'SELECT pg_reload_conf()' -o /dev/null
}

measure_cycles() {
	local round slice slices=5 each aged young
	progress "cycles: loading"
	make_database cycles
	run_sql -o /dev/null <<-'END'
		INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'pool');
		INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1', '10.0.255.254');
		SELECT setseed(0.5);
		INSERT INTO ipam.ip_address (address) SELECT r.start_address + n FROM ipam.ip_range AS r, generate_series(0, 65533) AS n WHERE random() < 0.5;
		VACUUM ANALYZE;
	END
	PGDATABASE=postgres createdb -T cycles young
	autovacuum on
	cat >bite.sql <<-END
		SELECT string_agg(id::text, ',') AS ids FROM ipam.allocate_ip_addresses(1, $bite) \gset
		SELECT count(*) FROM ipam.release_ip_addresses(ARRAY[:ids]::bigint[]);
	END
	cat >cycle.sql <<-'END'
		SELECT id FROM ipam.allocate_ip_addresses(1) \gset
		SELECT FROM ipam.release_ip_addresses(ARRAY[:id]::bigint[]);
	END

	echo "$cycles addresses of a /16 allocated and released, 8 clients, $bite at a time, per second:"
	echo
	header 'slice' 'addresses/s' 'dead rows' 'size of ip_address, MB' 'of its indexes, MB'
	each=$((cycles / slices / 8 / bite))
	for ((slice = 1; slice <= slices; slice++)); do
		progress "cycles: slice $slice"
		pgbench -n -M simple -c 8 -t "$each" -f bite.sql >pgbench.out 2>&1 || die "pgbench: $(cat pgbench.out)"
		row "$slice" "$(awk -v n="$bite" '/^tps/ { printf "%d", $3 * n }' pgbench.out)" \
			"$(ask "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'ipam.ip_address'::regclass")" \
			"$(ask "SELECT round(pg_table_size('ipam.ip_address') / 1048576.0, 1)")" "$(ask "SELECT round(pg_indexes_size('ipam.ip_address') / 1048576.0, 1)")"
	done
	echo
	echo 'One address at a time, 8 clients, cycles per second, in turns with a copy of the database from before:'
	echo
	header 'aged' 'as at the start' 'aged / start'
	: >aged.tps
	: >young.tps
	for ((round = 0; round < 2 * rounds; round++)); do
		transactions_per_second cycle.sql 8 off cycles >>aged.tps
		transactions_per_second cycle.sql 8 off young >>young.tps
	done
	aged=$(median aged.tps) young=$(median young.tps)
	row "${aged%.*}" "${young%.*}" "$(ratio "$aged" "$young")"
	reached aged "$(ratio "$aged" "$young")"
	echo
	[[ $(ask 'SELECT count(*) FROM ipam.check_occupancy()') == 0 ]] || die "ipam.check_occupancy() finds something wrong"
	autovacuum off
	drop_database cycles
	drop_database young
}
