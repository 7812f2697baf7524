# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions
# The first free address of a range that fills up from its start: one range, from empty to all but 10 addresses.

fullness_forms=(select walk lead_gaps ordered_loop anti_join loose_scan literal_loop)

# time_first FORM RANGE: milliseconds; nothing where the limit is not enough.
time_first() {
	local begin=$EPOCHREALTIME us isolation=read\ committed form=$1
	# A serializable transaction does without occupancy: it walks.
	if [[ $1 == walk ]]; then isolation=serializable form=select; fi
	echo "$(call "$form");" >"$1.sql"
	: >"$1.us"
	export PGOPTIONS="-c statement_timeout=${limit}s -c default_transaction_isolation=${isolation/ /\\ }"
	if run_sql -o /dev/null -v range="$2" -v wanted=1 -f "$1.sql" 2>error; then
		us=$((${EPOCHREALTIME/./} - ${begin/./} - 20000))
		# What takes long is asked for once; the start of psql is a small part of it.
		((us > 300000)) || time_script "$1.sql" $((us < 10000 ? 200 : 6)) "$1.us" -D range="$2" -D wanted=1
		[[ -s $1.us ]] || echo "$us" >"$1.us"
		milliseconds "$(median "$1.us")"
	else
		grep -q 'statement timeout' error || die "$1: $(cat error)"
	fi
	unset PGOPTIONS
}

measure_fullness() {
	local percent range last form ms cells
	make_database fullness
	run_sql -f "$here/alternatives.sql"
	range=$(ask "
		INSERT INTO ipam.ip_subnet (network, name) VALUES ('16.0.0.0/$fullness_prefix', 'fills up');
		INSERT INTO ipam.ip_range (network, start_address, end_address)
		SELECT n, host(n)::inet + 1, host(broadcast(n))::inet - 1 FROM (VALUES (cidr '16.0.0.0/$fullness_prefix')) AS v(n) RETURNING id")
	rm -f fullness.dat
	echo "First free address of a /$fullness_prefix that fills up from its start, milliseconds of a client's round trip, medians:"
	echo
	header 'taken, %' 'ipam' 'ipam, without occupancy' 'lead()' 'ordered loop' 'anti-join' 'loose scan' 'literal loop'
	for percent in 0 10 20 30 40 50 60 70 80 90 100; do
		progress "fullness: $percent %"
		last="least(size - 11, size * $percent / 100 - 1)"
		run_sql -o /dev/null <<-END
			SET session_replication_role = replica;
			INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
			SELECT r.start_address + i, r.id, r.virtualization_type
			FROM (SELECT *, (end_address - start_address + 1) AS size FROM ipam.ip_range WHERE id = $range) AS r,
			    generate_series((SELECT count(*) FROM ipam.ip_address), $last) AS i;
			VACUUM ANALYZE ipam.ip_address;
			CALL ipam.rebuild_occupancy();
		END
		cells=()
		for form in "${fullness_forms[@]}"; do
			ms=$(time_first "$form" "$range")
			cells+=("${ms:-> ${limit}000}")
		done
		row "$percent" "${cells[@]}"
		echo "$percent ${cells[*]/> */NaN}" >>fullness.dat
	done
	echo
	draw time_against_fullness fullness.dat
	drop_database fullness
}
