# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions

# room_call FORM NETWORK: how a query asks for one network of :length in block :block, which is NETWORK.
room_call() {
	case $1 in
	lowest) echo 'SELECT ipam.get_free_ip_subnets(:block, :length) AS network' ;;
	best_fit) echo "SELECT ipam.get_free_ip_subnets(:block, :length, placement => 'BestFit') AS network" ;;
	thousand) echo 'SELECT f.network FROM ipam.get_free_ip_subnets(:block, :length, 1000) AS f(network)' ;;
	largest) echo 'SELECT ipam.largest_free_network(:block) AS network' ;;
	gaps) echo "SELECT f.network FROM bench.gap_query('$2'::cidr, :length, 1) AS f(network)" ;;
	esac
}

room_forms=(lowest thousand best_fit largest gaps)

# measure_block NAME BLOCK NETWORK LENGTH SUBNETS: one line of the table.
measure_block() {
	local form round us ours theirs cells=()
	for form in lowest gaps; do
		psql -X -A -t -q -v ON_ERROR_STOP=1 -v block="$2" -v length="$4" <<<"$(room_call $form "$3");" >"$form.answer"
	done
	cmp -s lowest.answer gaps.answer || die "$1: $(cat lowest.answer) is not $(cat gaps.answer)"
	for form in "${room_forms[@]}"; do
		echo "$(room_call "$form" "$3");" >"$form.sql"
		: >"$form.us"
	done
	for ((round = 0; round < rounds; round++)); do
		for form in "${room_forms[@]}"; do
			time_script "$form.sql" 20 "$form.us" -D block="$2" -D length="$4"
		done
	done
	for form in "${room_forms[@]}"; do
		us=$(median "$form.us")
		cells+=("$(milliseconds "$us")")
		[[ $form == lowest ]] && ours=$us
		[[ $form == gaps ]] && theirs=$us
	done
	row "$1" "$5" "${cells[@]}" "$(ratio "$theirs" "$ours")"
}

measure_room() {
	local prefixes=${IPAM_TEST_DATA:-}/rir/country_prefixes_20260201.csv.gz name block network length subnets
	[[ -r $prefixes ]] || { progress "room: no $prefixes, without R5 and R6" && prefixes=; }
	progress "room: loading the plans"
	make_database room
	PREFIXES=$prefixes run_sql -v prefixes="$prefixes" -f "$here/room.sql"
	echo 'Room for a network, milliseconds of a client'"'"'s round trip, medians:'
	echo
	header 'plan' 'subnets in the block' 'lowest' 'lowest 1000' 'best fit' 'largest_free_network' 'plain SQL' 'plain SQL / lowest'
	while IFS='|' read -r name block network length subnets; do
		progress "room: $name"
		measure_block "$name" "$block" "$network" "$length" "$subnets"
	done < <(ask 'SELECT r.name, b.id, r.network, r.prefix_length, (SELECT count(*) FROM ipam.ip_subnet AS s WHERE s.network <<= r.network)
	              FROM bench.room AS r JOIN ipam.ip_block AS b ON b.network = r.network ORDER BY r.name')
	echo
	drop_database room
}
