# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the variables and functions

# question TITLE REPETITIONS STATEMENT: one line of the table. Answers of more than 1000 rows are written to no client.
question() {
	local round rows
	rows=$(ask "SELECT count(*) FROM ($3) AS q")
	echo "$3;" >question.sql
	((rows <= 1000)) || echo "COPY ($3) TO '/dev/null';" >question.sql
	: >question.us
	for ((round = 0; round < rounds; round++)); do
		time_script question.sql "$2" question.us
	done
	row "$1" "$rows" "$(milliseconds "$(median question.us)")"
}

measure_listing() {
	local group view
	progress "listing: loading the plan"
	make_database listing
	run_sql -f "$here/listing.sql"
	group=$(ask "SELECT id FROM ipam.logical_group WHERE name = 'Locations'")
	progress "listing: asking"
	echo 'Listings, milliseconds of a client'"'"'s round trip, medians:'
	echo
	header 'question' 'rows' 'ms'
	question "a row of \`ip_range\`" 100 'SELECT * FROM ipam.ip_range WHERE id = 777'
	for view in ip_block ip_subnet ip_range ip_address; do
		question "a row of \`${view}_details\`" 100 "SELECT * FROM ipam.${view}_details WHERE id = 77"
	done
	question 'subnets below a /16 with all details' 20 'SELECT d.* FROM ipam.subnets_of_block(5) AS s JOIN ipam.ip_subnet_details AS d USING (id)'
	question 'all ranges, two columns of the view' 5 'SELECT id, address_space_name FROM ipam.ip_range_details'
	question 'all ranges with all details' 1 'SELECT * FROM ipam.ip_range_details'
	question 'all addresses with all details' 1 'SELECT * FROM ipam.ip_address_details'
	question 'expired addresses' 5 'SELECT id, address FROM ipam.ip_address_details WHERE is_expired'
	question 'unmapped addresses' 20 'SELECT id, address FROM ipam.ip_address_details WHERE unmapped'
	question 'nodes of ranges, with utilization' 3 "SELECT * FROM ipam.logical_group_nodes($group, 'Range')"
	question 'nodes of ranges below one of them' 3 "SELECT * FROM ipam.logical_group_nodes($group, 'Range', '{region3}')"
	question 'nodes of addresses' 20 "SELECT * FROM ipam.logical_group_nodes($group, 'IPAddress')"
	question 'addresses of a node' 20 "SELECT ipam.logical_group_members($group, 'IPAddress', '{region3}')"
	echo
	drop_database listing
}
