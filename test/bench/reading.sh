# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions
# The free search against the ways to search that are not ours: round trips, and the statement alone.

forms=(select from literal_loop ordered_loop anti_join lead_gaps loose_scan)

# call FORM: how a query asks for :wanted free addresses of :range.
call() {
	case $1 in
	select) echo 'SELECT ipam.get_free_ip_addresses(:range, count => :wanted) AS address' ;;
	from) echo 'SELECT f.address FROM ipam.get_free_ip_addresses(:range, count => :wanted) AS f(address)' ;;
	floor_select) echo 'SELECT bench.return_addresses(:wanted) AS address' ;;
	floor_from) echo 'SELECT f.address FROM bench.return_addresses(:wanted) AS f(address)' ;;
	*) echo "SELECT f.address FROM bench.$1(:range, :wanted) AS f(address)" ;;
	esac
}

range_of() { ask "SELECT range_id FROM bench.workload WHERE name = '$1'"; }

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

# time_forms TITLE WORKLOAD WANTED: one line of the table of round trips.
time_forms() {
	local title=$1 form range round us expected='' ours='' others='' cells=()
	local -A transactions=()
	range=$(range_of "$2")

	# All forms give the same addresses, and how long that takes tells how often to repeat it.
	for form in "${forms[@]}"; do
		: >"$form.us"
		first_call "$form" "$range" "$3"
		[[ -n $answer ]] || continue
		: "${expected:=$answer}"
		[[ $answer == "$expected" ]] || die "$title: $form finds $answer, not $expected"
		# What takes several seconds is not asked for again.
		if ((elapsed > 5000000)); then
			transactions[$form]=0
			echo "$elapsed" >"$form.us"
			continue
		fi
		# About 20 ms of it were psql's.
		transactions[$form]=$(awk -v us="$elapsed" -v s="$budget" 'BEGIN {
			us -= 20000; n = int(s * 1e6 / (us < 1000 ? 1000 : us)); print (us > 1e6 ? 1 : n < 3 ? 3 : n) }')
	done
	for form in "${!transactions[@]}"; do
		if (($3 > 1000)); then # not the time that a client takes to read a million rows
			echo "SELECT count(*) FROM ($(call "$form")) AS f;" >"$form.sql"
		else
			echo "$(call "$form");" >"$form.sql"
		fi
	done
	for ((round = 0; round < rounds; round++)); do
		for form in "${forms[@]}"; do
			((${transactions[$form]:-0} == 0)) ||
				time_script "$form.sql" "${transactions[$form]}" "$form.us" -D range="$range" -D wanted="$3"
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
	if [[ -n $ours && -n $others ]]; then
		cells+=("$(ratio "$others" "$ours")")
	else
		cells+=(-)
	fi
	row "$title" "${cells[@]}"
	# Where even the best takes longer than the limit, it is at least the limit.
	[[ $title != 'W4 / 1' ]] || reached first_full_sql "$(ratio "${others:-${limit}000000}" "$ours")"
}

# pipeline FILE STATEMENT: sends the statement many times before it reads the answers, so that neither the way to the
# server nor waking up count.
pipeline() {
	local i
	{
		printf '%s\n' '\startpipeline'
		for ((i = 0; i < pipelined; i++)); do printf '%s;\n' "$2"; done
		printf '%s\n' '\endpipeline'
	} >"$1"
}

# time_alone WORKLOAD WANTED FORM...: one line of the table of statements alone: net of an empty statement, microseconds.
# The extension of version 1.0 in a database of its own has no occupancy.
time_alone() {
	local name=$1 wanted=$2 form round range before ours='' others='' net cells=()
	local pipelined=$((wanted == 1 ? 100 : 10)) transactions=$((wanted == 1 ? 20 : 10))
	local -A alone=()
	shift 2
	range=$(range_of "$name")
	before=$(PGDATABASE=before range_of "$name")
	pipeline empty.sql 'SELECT 1'
	for form in "$@"; do pipeline "$form.sql" "$(call "$form")"; done
	for form in empty before "$@"; do : >"$form.us"; done
	for ((round = 0; round < 2 * rounds; round++)); do
		time_script empty.sql $transactions empty.us
		[[ -z $before ]] || time_script select.sql $transactions before.us -D range="$before" -D wanted="$wanted" before
		for form in "$@"; do
			time_script "$form.sql" $transactions "$form.us" -D range="$range" -D wanted="$wanted"
		done
	done
	for form in select from before literal_loop ordered_loop lead_gaps loose_scan; do
		if [[ ! -s $form.us || " before $* " != *" $form "* ]]; then
			cells+=(-)
			continue
		fi
		net=$(awk -v us="$(median $form.us)" -v empty="$(median empty.us)" -v n=$pipelined 'BEGIN { print (us - empty) / n }')
		alone[$form]=$net
		cells+=("$(awk -v us="$net" 'BEGIN { printf(us < 100 ? "%.1f" : "%.0f", us) }')")
		case $form in
		select | from) ours=$(smaller "$net" "$ours") ;;
		before) ;;
		*) others=$(smaller "$net" "$others") ;;
		esac
	done
	row "$name / $wanted" "${cells[@]}" "$([[ -z $others ]] || ratio "$others" "$ours")"
	if [[ $name == W1 && $wanted == 1 ]]; then first_of_W1=$ours; fi
	if [[ $name == W4 ]]; then
		reached first_full "$(ratio "$ours" "$first_of_W1")"
	elif ((wanted == 1)); then
		reached "first_$name" "$(ratio "$ours" "$others")"
	else
		reached "thousand_$name" "$(ratio "$others" "$ours")"
		reached "occupancy_$name" "$(ratio "${alone[select]}" "${alone[before]}")"
	fi
}

# time_floor: all of W7 against a function that does nothing else, and the walk against an index-only scan.
time_floor() {
	local form round range us='floor.us' index_only='-c max_parallel_workers_per_gather=0 -c enable_seqscan=off -c enable_bitmapscan=off'
	local -A ms=()
	range=$(range_of W7)
	for form in select from floor_select floor_from; do
		echo "SELECT count(*) FROM ($(call $form)) AS f;" >$form.sql
		: >$form.us
	done
	for ((round = 0; round < 3 * rounds; round++)); do
		for form in select floor_select from floor_from; do
			time_script $form.sql 4 $form.us -D range="$range" -D wanted=1048574
		done
	done
	for form in select from floor_select floor_from; do ms[$form]=$(median $form.us); done
	header 'what' 'ms' 'floor' 'ms' 'ratio'
	for form in select from; do
		row "all of W7, $([[ $form == from ]] && echo FROM || echo "select list")" "$(milliseconds "${ms[$form]}")" 'a C function that only returns as many' \
			"$(milliseconds "${ms[floor_$form]}")" "$(ratio "${ms[$form]}" "${ms[floor_$form]}")"
		reached "all_$form" "$(ratio "${ms[$form]}" "${ms[floor_$form]}")"
	done
	# A serializable transaction does without occupancy: it walks.
	range=$(range_of W4)
	echo 'SELECT ipam.get_free_ip_addresses(:range);' >walk.sql
	echo 'SELECT count(*) FROM ipam.ip_address WHERE range_id = :range;' >count.sql
	: >walk.us
	: >count.us
	PGOPTIONS='-c default_transaction_isolation=serializable' time_script walk.sql 4 walk.us -D range="$range"
	PGOPTIONS=$index_only time_script count.sql 4 count.us -D range="$range"
	row 'first free of W4, without occupancy' "$(milliseconds "$(median walk.us)")" 'index-only count(*) of W4' \
		"$(milliseconds "$(median count.us)")" "$(ratio "$(median walk.us)" "$(median count.us)")"
	echo 'SELECT ipam.get_free_ip_addresses(:range);' >first.sql
	echo 'SELECT 1;' >count.sql
	: >first.us
	: >$us
	for ((round = 0; round < rounds; round++)); do
		time_script first.sql 500 first.us -D range="$(range_of W1)"
		time_script count.sql 500 $us
	done
	row 'first free of W1, round trip' "$(milliseconds "$(median first.us)")" "\`SELECT 1\`, round trip" \
		"$(milliseconds "$(median $us)")" "$(ratio "$(median first.us)" "$(median $us)")"
	echo
}

# count_addresses WORKLOAD: one line of the table.
count_addresses() {
	local range form round
	range=$(range_of "$1")
	echo 'SELECT ipam.count_used_ip_addresses(:range);' >used.sql
	echo 'SELECT utilized_addresses, percent_utilized, status FROM ipam.range_utilization WHERE range_id = :range;' >utilization.sql
	echo 'SELECT count(*) FROM ipam.ip_address WHERE range_id = :range;' >count.sql
	for form in used utilization count; do : >$form.us; done
	for ((round = 0; round < rounds; round++)); do
		time_script used.sql 20 used.us -D range="$range"
		time_script utilization.sql 20 utilization.us -D range="$range"
		PGOPTIONS='-c max_parallel_workers_per_gather=0 -c enable_seqscan=off -c enable_bitmapscan=off' \
			time_script count.sql 3 count.us -D range="$range"
	done
	row "$1" "$(milliseconds "$(median used.us)")" "$(milliseconds "$(median utilization.us)")" "$(milliseconds "$(median count.us)")" \
		"$(ratio "$(median utilization.us)" "$(median count.us)")"
	case $1 in
	W8) reached utilization_W8 "$(ratio "$(median utilization.us)" "$(median count.us)")" ;;
	W[24]) reached "utilization_$1" "$(milliseconds "$(median utilization.us)")" ;;
	esac
}

measure_reading() {
	local cell title loading plain=()
	progress "reading: loading the workloads"
	make_database before 1.0
	make_database reading
	run_sql -d before -v large_prefix="$large_prefix" -v names='{W1,W2,W5,W6}' -f "$here/workload.sql" &
	loading=$!
	run_sql -f "$here/alternatives.sql"
	run_sql -v large_prefix="$large_prefix" -v names='{W1,W2,W3,W4,W5,W6,W7,W8}' -f "$here/workload.sql"
	run_sql -c 'CALL ipam.rebuild_occupancy()'
	wait "$loading" || die "the workloads of version 1.0 could not be loaded"
	run_sql -c "CREATE FUNCTION bench.return_addresses(count integer) RETURNS SETOF inet LANGUAGE C STRICT STABLE ROWS 1000 AS '$PGHOST/floor.so'"

	echo "First free addresses, milliseconds of a client's round trip, medians:"
	echo
	header 'workload / count' 'ipam, select list' 'ipam, FROM' 'literal loop' 'ordered loop' 'anti-join' 'lead()' \
		'loose scan' 'best other / best ipam'
	for cell in 'W1 1' 'W1 1000' 'W2 1' 'W2 1000' 'W3 1' 'W4 1' 'W5 1' 'W5 1000' 'W6 1' 'W6 1000' 'W7 1048574'; do
		progress "reading: $cell"
		title=${cell/1048574/all}
		# shellcheck disable=SC2086 # workload and count
		time_forms "${title/ / / }" $cell
	done
	echo
	echo 'The statement alone, net of an empty one, microseconds, medians (sent many at a time, so that round trips do not count):'
	echo
	header 'workload / count' 'ipam, select list' 'ipam, FROM' 'select list, without occupancy' 'literal loop' 'ordered loop' 'lead()' 'loose scan' \
		'best other / best ipam'
	for cell in 'W1 1' 'W1 1000' 'W2 1' 'W2 1000' 'W4 1' 'W5 1' 'W5 1000' 'W6 1' 'W6 1000'; do
		progress "reading: $cell alone"
		plain=(literal_loop ordered_loop lead_gaps loose_scan)
		[[ $cell != W4* ]] || plain=()
		# shellcheck disable=SC2086 # workload and count
		time_alone $cell select from "${plain[@]}"
	done
	echo
	progress "reading: floor"
	echo 'The distance to the floor, milliseconds, medians:'
	echo
	time_floor
	progress "reading: utilization"
	echo 'Used addresses of a range, counted, milliseconds, medians:'
	echo
	header 'workload' 'count_used_ip_addresses()' 'utilization' 'index-only count(*)' 'utilization / count(*)'
	for cell in W2 W4 W5 W8; do count_addresses "$cell"; done
	echo
	drop_database before
	drop_database reading
}
