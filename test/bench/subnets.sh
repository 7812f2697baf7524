# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions
# COPY of real networks as subnets.

# measure_subnets_of NAME: COPY of the networks in networks.tsv, into empty tables.
measure_subnets_of() {
	local round ipam bare same
	: >ipam.us
	: >bare.us
	: >same.us
	for ((round = 0; round < rounds; round++)); do
		progress "subnets: $1, round $((round + 1))"
		PGOPTIONS='-c client_min_messages=warning' run_sql -c 'TRUNCATE bench.bare, ipam.ip_subnet CASCADE'
		time_command '\copy bench.bare (network, name) FROM networks.tsv' bare.us
		time_command '\copy ipam.ip_subnet (network, name) FROM networks.tsv' ipam.us
		run_sql -c '\copy (SELECT network, name, extent, address_category, use_for_utilization FROM ipam.ip_subnet ORDER BY id) TO same.tsv' \
			-c 'TRUNCATE bench.bare'
		time_command '\copy bench.bare (network, name, extent, address_category, use_for_utilization) FROM same.tsv' same.us
		[[ $(ask "SELECT count(*) FROM ipam.check_plan()") == 0 ]] || die "subnets: ipam.check_plan() finds something wrong"
	done
	ipam=$(median ipam.us) bare=$(median bare.us) same=$(median same.us)
	row "$1" "$(ask 'SELECT count(*) FROM ipam.ip_subnet')" "$(ask 'SELECT count(*) FROM ipam.ip_subnet WHERE NOT use_for_utilization')" \
		"$(milliseconds "$ipam")" "$(milliseconds "$bare")" "$(ratio "$ipam" "$bare")" "$(milliseconds "$same")" "$(ratio "$ipam" "$same")"
}

measure_subnets() {
	local file=${IPAM_TEST_DATA:-}/rir/country_prefixes_20260201.csv.gz
	if [[ ! -r $file ]]; then
		progress "subnets: left out, there is no $file"
		return
	fi
	make_database subnets
	# The same columns and one unique index; no constraints, triggers, foreign keys or generated columns.
	run_sql <<-'END'
		CREATE TABLE bench.bare (LIKE ipam.ip_subnet INCLUDING DEFAULTS INCLUDING IDENTITY);
		ALTER TABLE bench.bare ALTER COLUMN extent DROP NOT NULL, ALTER COLUMN virtualization_type SET DEFAULT 'NonVirtualized',
			ALTER COLUMN use_for_utilization SET DEFAULT true, ADD UNIQUE (address_space_id, network);
	END
	echo 'COPY of networks as subnets, milliseconds, medians:'
	echo
	header 'networks' 'rows' 'not used for utilization' 'ipam.ip_subnet' 'bare table' 'ipam / bare' \
		'bare table, given what ipam works out' 'ipam / that'
	gunzip -c "$file" | awk -F, -v OFS='\t' 'NR > 1 { print $3, $1 }' >networks.tsv
	measure_subnets_of 'delegated prefixes'
	# What encloses two or four of them each, and in no order.
	run_sql -c "\\copy (SELECT network, name FROM (SELECT network, name FROM ipam.ip_subnet UNION
		SELECT around, 'around' FROM (SELECT network(set_masklen(network, masklen(network) - 2))::cidr AS around FROM ipam.ip_subnet) AS a
		WHERE ipam.address_category(around, broadcast(around)) IS NOT NULL AND NOT EXISTS (SELECT FROM ipam.ip_subnet AS s WHERE s.network = around)) AS n
		ORDER BY md5(network::text)) TO networks.tsv"
	measure_subnets_of 'and those two bits larger, shuffled'
	echo
	drop_database subnets
}
