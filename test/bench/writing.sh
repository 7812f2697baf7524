# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions
# What recording and releasing addresses costs: with occupancy, without it, and in a bare table.

# occupancy with|without: whether writing to ip_address looks after it.
occupancy() {
	if [[ $1 == with ]]; then
		run_sql -c 'ALTER TABLE ipam.ip_address ENABLE ALWAYS TRIGGER open_occupancy_holes, ENABLE ALWAYS TRIGGER open_occupancy_hole,
			ENABLE REPLICA TRIGGER open_replicated_occupancy_hole, ENABLE ALWAYS TRIGGER forget_occupancy'
	else
		run_sql -c 'ALTER TABLE ipam.ip_address DISABLE TRIGGER open_occupancy_holes, DISABLE TRIGGER open_occupancy_hole,
			DISABLE TRIGGER open_replicated_occupancy_hole, DISABLE TRIGGER forget_occupancy'
	fi
}

measure_inserts() {
	local range clients commit way round with without bare
	range=$(ask "
		INSERT INTO ipam.ip_subnet (network, name) VALUES ('20.0.0.0/8', 'one by one');
		INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('20.0.0.1', '20.255.255.254') RETURNING id")
	run_sql -c 'CREATE SEQUENCE bench.ipam_next; CREATE SEQUENCE bench.bare_next'
	# The next address for whoever comes: all clients write in the same neighbourhood.
	echo "INSERT INTO ipam.ip_address (address) VALUES (inet '20.0.0.0' + nextval('bench.ipam_next'));" | tee with.sql >without.sql
	echo "INSERT INTO bench.bare (address, range_id, virtualization_type)
	      VALUES (inet '20.0.0.0' + nextval('bench.bare_next'), :range, 'NonVirtualized');" | tr '\n' ' ' >bare.sql

	echo 'Single inserts, transactions per second, medians:'
	echo
	header 'clients' 'synchronous_commit' 'ipam.ip_address' 'without occupancy' 'bare table' 'with / without' 'ipam / bare'
	for clients in 1 8; do
		for commit in on off; do
			progress "writing: $clients clients, synchronous_commit $commit"
			for way in with without bare; do : >$way.tps; done
			for ((round = 0; round < rounds; round++)); do
				for way in with without bare; do
					[[ $way == bare ]] || occupancy $way
					transactions_per_second $way.sql "$clients" "$commit" -D range="$range" >>$way.tps
				done
			done
			with=$(median with.tps) without=$(median without.tps) bare=$(median bare.tps)
			row "$clients" "$commit" "${with%.*}" "${without%.*}" "${bare%.*}" "$(ratio "$with" "$without")" "$(ratio "$with" "$bare")"
			reached "insert_${clients}_$commit" "$(ratio "$with" "$without")"
		done
	done
	occupancy with
	echo
}

# make_ranges OCTET: a hundred ranges below OCTET.0.0.0/8.
make_ranges() {
	run_sql -v octet="$1" -o /dev/null <<-'END'
		INSERT INTO ipam.ip_subnet (network, name)
		SELECT format('%s.%s.0.0/16', :octet, i)::cidr, 'COPY' FROM generate_series(0, 99) AS i;
		INSERT INTO ipam.ip_range (network, start_address, end_address)
		SELECT network, host(network)::inet + 1, host(broadcast(network))::inet - 1
		FROM ipam.ip_subnet WHERE network <<= format('%s.0.0.0/8', :octet)::cidr;
	END
}

# write_addresses OCTET ORDER: the file bare.tsv with addresses of these ranges, ipam.tsv with less.
write_addresses() {
	run_sql -A -t -F $'\t' -o bare.tsv -c "
		SELECT r.start_address + i, r.id, 'NonVirtualized'
		FROM ipam.ip_range AS r, generate_series(0, $((copy_rows / 100 - 1))) AS i
		WHERE r.network <<= '$1.0.0.0/8' ORDER BY $2"
	cut -f 1 bare.tsv >ipam.tsv
}

measure_copy() {
	local order round way octet=30 with without bare
	local -A order_by=([sorted]='r.start_address, i' [shuffled]='md5(r.id::text || i)')
	echo "COPY of $copy_rows addresses into 100 ranges, microseconds per row, medians:"
	echo
	header 'addresses' 'ipam.ip_address' 'without occupancy' 'bare table' 'with / without' 'ipam / bare'
	for order in sorted shuffled; do
		for way in with without bare; do : >$way.us; done
		for ((round = 0; round < copy_rounds; round++)); do
			progress "writing: COPY $order, round $((round + 1))"
			for way in with without; do
				make_ranges $octet
				write_addresses $((octet++)) "${order_by[$order]}"
				occupancy $way
				time_command '\copy ipam.ip_address (address) FROM ipam.tsv' $way.us
			done
			time_command '\copy bench.bare (address, range_id, virtualization_type) FROM bare.tsv' bare.us
			rm ipam.tsv bare.tsv
		done
		with=$(median with.us) without=$(median without.us) bare=$(median bare.us)
		row $order "$(ratio "$with" "$copy_rows")" "$(ratio "$without" "$copy_rows")" "$(ratio "$bare" "$copy_rows")" \
			"$(ratio "$with" "$without")" "$(ratio "$with" "$bare")"
		reached "copy_$order" "$(ratio "$with" "$without")"
		reached "copy_${order}_bare" "$(ratio "$with" "$bare")"
	done
	occupancy with
	echo
}

# Releases 100,000 addresses of a full /12, side by side and at random; nothing is committed.
measure_deletes() {
	local order way round with without
	run_sql -o /dev/null <<-'END'
		INSERT INTO ipam.ip_subnet (network, name) VALUES ('50.0.0.0/8', 'full');
		INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('50.0.0.0/8', '50.16.0.1', '50.31.255.254');
		SET session_replication_role = replica;
		INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
		SELECT r.start_address + i, r.id, r.virtualization_type FROM ipam.ip_range AS r, generate_series(0, 1048573) AS i
		WHERE r.start_address = '50.16.0.1';
		CREATE TABLE bench.released AS
		SELECT a.id, row_number() OVER (ORDER BY a.id) AS sorted, row_number() OVER (ORDER BY md5(a.id::text)) AS shuffled
		FROM ipam.ip_address AS a JOIN ipam.ip_range AS r ON r.id = a.range_id WHERE r.start_address = '50.16.0.1';
		RESET session_replication_role;
	END
	run_sql -c 'VACUUM ANALYZE' -c 'CALL ipam.rebuild_occupancy()'
	echo 'DELETE of 100,000 addresses of a full /12, milliseconds, medians:'
	echo
	header 'addresses' 'with occupancy' 'without' 'without / with'
	for order in sorted shuffled; do
		progress "writing: DELETE $order"
		for way in with without; do : >$way.us; done
		for ((round = 0; round < rounds; round++)); do
			for way in with without; do
				occupancy $way
				cat >delete.sql <<-END
					BEGIN;
					\timing on
					DELETE FROM ipam.ip_address WHERE id IN (SELECT id FROM bench.released
					    WHERE $order BETWEEN $((200000 * round + 200000)) AND $((200000 * round + 299999)));
					\timing off
					ROLLBACK;
				END
				run_sql -f delete.sql | awk '/^Time/ { print 1000 * $2; exit }' >>$way.us
			done
		done
		with=$(median with.us) without=$(median without.us)
		row $order "$(milliseconds "$with")" "$(milliseconds "$without")" "$(ratio "$without" "$with")"
		reached "delete_$order" "$(ratio "$without" "$with")"
	done
	occupancy with
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
	drop_database writing
}
