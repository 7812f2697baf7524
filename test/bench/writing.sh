# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions

# transactions_per_second SCRIPT CLIENTS SYNCHRONOUS_COMMIT
transactions_per_second() {
	PGOPTIONS="-c synchronous_commit=$3" pgbench -n -M prepared -T "$write_seconds" -c "$2" -f "$1" -D range="$range" \
		>"$work/pgbench" 2>&1 || die "pgbench: $(cat "$work/pgbench")"
	awk '/^tps/ { print $3 }' "$work/pgbench"
}

measure_inserts() {
	local range clients commit round ipam bare
	range=$(ask "
		INSERT INTO ipam.ip_subnet (network, name) VALUES ('20.0.0.0/8', 'one by one');
		INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('20.0.0.1', '20.255.255.254') RETURNING id")
	run_sql -c 'CREATE SEQUENCE bench.ipam_next; CREATE SEQUENCE bench.bare_next'
	echo "INSERT INTO ipam.ip_address (address) VALUES (inet '20.0.0.0' + nextval('bench.ipam_next'));" >ipam.sql
	echo "INSERT INTO bench.bare (address, range_id, virtualization_type)
	      VALUES (inet '20.0.0.0' + nextval('bench.bare_next'), :range, 'NonVirtualized');" | tr '\n' ' ' >bare.sql

	echo 'Single inserts, transactions per second, medians:'
	echo
	header 'clients' 'synchronous_commit' 'ipam.ip_address' 'bare table' 'ipam / bare'
	for clients in 1 8; do
		for commit in on off; do
			progress "writing: $clients clients, synchronous_commit $commit"
			: >ipam.tps
			: >bare.tps
			for ((round = 0; round < rounds; round++)); do
				transactions_per_second ipam.sql "$clients" "$commit" >>ipam.tps
				transactions_per_second bare.sql "$clients" "$commit" >>bare.tps
			done
			ipam=$(median ipam.tps) bare=$(median bare.tps)
			row "$clients" "$commit" "${ipam%.*}" "${bare%.*}" "$(awk -v a="$ipam" -v b="$bare" 'BEGIN { printf "%.2f", a / b }')"
		done
	done
	echo
}

# time_copy NAME COMMAND: appends its microseconds to NAME.us
time_copy() {
	local begin=$EPOCHREALTIME
	run_sql -c "$2"
	echo $((${EPOCHREALTIME/./} - ${begin/./})) >>"$1.us"
}

measure_copy() {
	local round ipam bare
	: >ipam.us
	: >bare.us
	for ((round = 0; round < rounds; round++)); do
		progress "writing: COPY, round $((round + 1))"
		run_sql -v octet="$((30 + round))" -o /dev/null <<-'END'
			INSERT INTO ipam.ip_subnet (network, name)
			SELECT format('%s.%s.0.0/16', :octet, i)::cidr, 'COPY' FROM generate_series(0, 99) AS i;
			INSERT INTO ipam.ip_range (network, start_address, end_address)
			SELECT network, host(network)::inet + 1, host(broadcast(network))::inet - 1
			FROM ipam.ip_subnet WHERE network <<= format('%s.0.0.0/8', :octet)::cidr;
		END
		run_sql -A -t -F $'\t' -o bare.tsv -c "
			SELECT r.start_address + i, r.id, 'NonVirtualized'
			FROM ipam.ip_range AS r, generate_series(0, $((copy_rows / 100 - 1))) AS i
			WHERE r.network <<= '$((30 + round)).0.0.0/8' ORDER BY r.start_address, i"
		cut -f 1 bare.tsv >ipam.tsv
		time_copy ipam '\copy ipam.ip_address (address) FROM ipam.tsv'
		time_copy bare '\copy bench.bare (address, range_id, virtualization_type) FROM bare.tsv'
		rm ipam.tsv bare.tsv
	done
	ipam=$(median ipam.us) bare=$(median bare.us)
	echo "COPY of $copy_rows addresses, sorted, into 100 ranges, microseconds per row, medians:"
	echo
	header 'ipam.ip_address' 'bare table' 'ipam / bare'
	row "$(awk -v t="$ipam" -v n="$copy_rows" 'BEGIN { printf "%.1f", t / n }')" \
		"$(awk -v t="$bare" -v n="$copy_rows" 'BEGIN { printf "%.1f", t / n }')" "$(ratio "$ipam" "$bare")"
	echo
}

# Releases 100,000 addresses of a full /12, side by side and at random, with the triggers of occupancy and
# without; nothing is committed.
measure_deletes() {
	local which trigger round with without
	run_sql -o /dev/null <<-'END'
		INSERT INTO ipam.ip_subnet (network, name) VALUES ('50.0.0.0/8', 'full');
		INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('50.0.0.0/8', '50.16.0.1', '50.31.255.254');
		SET session_replication_role = replica;
		INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
		SELECT r.start_address + i, r.id, r.virtualization_type FROM ipam.ip_range AS r, generate_series(0, 1048573) AS i
		WHERE r.start_address = '50.16.0.1';
		CREATE TABLE bench.released AS
		SELECT a.id, row_number() OVER (ORDER BY a.id) AS position, row_number() OVER (ORDER BY md5(a.id::text)) AS shuffled
		FROM ipam.ip_address AS a JOIN ipam.ip_range AS r ON r.id = a.range_id WHERE r.start_address = '50.16.0.1';
		RESET session_replication_role;
	END
	run_sql -c 'VACUUM ANALYZE' -c 'CALL ipam.rebuild_occupancy()'
	echo 'DELETE of 100,000 addresses of a full /12, milliseconds, medians:'
	echo
	header 'addresses' 'with occupancy' 'without' 'without / with'
	for which in position shuffled; do
		for trigger in with without; do
			: >$trigger.us
		done
		for ((round = 0; round < rounds; round++)); do
			for trigger in with without; do
				cat >delete.sql <<-END
					BEGIN;
					$([[ $trigger == with ]] || echo 'ALTER TABLE ipam.ip_address DISABLE TRIGGER open_occupancy_holes;')
					\timing on
					DELETE FROM ipam.ip_address WHERE id IN (SELECT id FROM bench.released
					    WHERE $which BETWEEN $((200000 * round + 200000)) AND $((200000 * round + 299999)));
					\timing off
					ROLLBACK;
				END
				run_sql -f delete.sql | awk '/^Time/ { print 1000 * $2; exit }' >>$trigger.us
			done
		done
		with=$(median with.us) without=$(median without.us)
		row "${which/position/side by side}" "$(milliseconds "$with")" "$(milliseconds "$without")" "$(awk -v a="$without" -v b="$with" 'BEGIN { printf "%.2f", a / b }')"
	done
	echo
}

measure_writing() {
	make_database writing
	# The same columns and indexes; no constraints, triggers, foreign keys or generated columns.
	run_sql <<-'END'
		CREATE TABLE bench.bare (LIKE ipam.ip_address INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
		ALTER TABLE bench.bare ALTER COLUMN address TYPE inet;
	END
	measure_inserts
	measure_copy
	measure_deletes
	[[ $(ask 'SELECT count(*) FILTER (WHERE range_id IS NULL) FROM ipam.ip_address') == 0 ]] ||
		die "addresses without a range"
	dropdb writing
}
