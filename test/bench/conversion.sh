# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions
# The conversion of a store of version 1.0, and what those who write to it meanwhile feel.

measure_conversion() {
	local size=$((conversion_rows / 10)) round convert index writing longest written
	progress "conversion: loading a store of version 1.0"
	make_database conversion 1.0
	run_sql -o /dev/null <<-END
		INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'site');
		INSERT INTO ipam.ip_range (network, start_address, end_address)
		SELECT '10.0.0.0/8', '10.0.0.1'::inet + n * 1048576, '10.0.0.1'::inet + n * 1048576 + $size - 1 FROM generate_series(0, 9) AS n;
		SET session_replication_role = replica;
		INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
		SELECT r.start_address + n, r.id, r.virtualization_type FROM ipam.ip_range AS r, generate_series(0, $size - 1) AS n;
		RESET session_replication_role;
		VACUUM ANALYZE;
		ALTER EXTENSION ipam UPDATE;
	END
	PGDATABASE=postgres createdb -T conversion busy

	progress "conversion: alone"
	: >convert.us
	: >index.us
	time_command 'CALL ipam.convert_schema()' convert.us
	for ((round = 0; round < rounds; round++)); do
		time_command 'CREATE INDEX bench_idx ON ipam.ip_address (address)' index.us
		run_sql -c 'DROP INDEX ipam.bench_idx'
	done
	convert=$(median convert.us) index=$(median index.us)

	progress "conversion: with writers"
	export PGDATABASE=busy
	cat >release.sql <<-END
		\set n random(0, 9)
		\set at random(0, $size / 20)
		DELETE FROM ipam.ip_address WHERE address_space_id = 1 AND address = '10.0.0.1'::inet + :n * 1048576 + :at;
	END
	cat >record.sql <<-END
		\set n random(0, 9)
		\set at random(0, $size / 20)
		INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.1'::inet + :n * 1048576 + :at) ON CONFLICT DO NOTHING;
	END
	rm -f log.*
	pgbench -n -M prepared -c 4 -T 600 -l --log-prefix="$work/log" -f release.sql -f record.sql >pgbench.out 2>&1 &
	writing=$!
	sleep 2
	run_sql -o /dev/null -c 'CALL ipam.convert_schema()'
	sleep 1
	kill "$writing"
	wait "$writing" || true
	longest=$(awk '$3 > longest { longest = $3 } END { print longest }' log.*)
	written=$(cat log.* | wc -l)
	[[ $(ask 'SELECT count(*) FROM ipam.check_occupancy()') == 0 ]] || die "ipam.check_occupancy() finds something wrong"

	echo "Conversion of $conversion_rows addresses from 1.0 to 1.1:"
	echo
	header 'conversion, rows/s' 'CREATE INDEX, rows/s' 'conversion / CREATE INDEX' 'statements of 4 writers beside it' 'the longest, ms'
	row "$(awk -v n="$conversion_rows" -v us="$convert" 'BEGIN { printf "%d", n / us * 1e6 }')" \
		"$(awk -v n="$conversion_rows" -v us="$index" 'BEGIN { printf "%d", n / us * 1e6 }')" "$(ratio "$index" "$convert")" \
		"$written" "$(milliseconds "$longest")"
	reached rows "$(ratio "$index" "$convert")"
	reached stall "$(milliseconds "$longest")"
	echo
	drop_database conversion
	drop_database busy
}
