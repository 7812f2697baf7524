# A store with a row of every kind, and what must hold for each copy of it, however it was made.
package Store;

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Exporter 'import';
our @EXPORT = qw(fill_store reverse_rows store_rows same_rows is_sound goes_on);

# The sample plan and what comes with use, in a database that has nothing yet.
sub fill_store
{
	my ($node, $database, $version) = @_;
	$node->safe_psql($database, 'CREATE EXTENSION ipam' . ($version ? " VERSION '$version'" : '') . ' CASCADE; CALL ipam.provision()');
	$node->safe_psql($database, slurp_file('test/data/sample_plan.sql'));
	$node->safe_psql($database, slurp_file('test/data/used_store.sql')) unless $version;
}

# Nothing but the order in which the rows lie in their tables, and in which pg_dump finds them.
sub reverse_rows
{
	my ($node, $database) = @_;
	$node->safe_psql($database, q{
		SET session_replication_role = replica;
		DO $$
		DECLARE
			column_of record;
			place tid;
		BEGIN
			FOR column_of IN
				SELECT DISTINCT ON (c.oid) c.relname AS "table", a.attname AS name
				FROM pg_extension AS e JOIN pg_class AS c ON c.oid = ANY (e.extconfig) JOIN pg_attribute AS a ON a.attrelid = c.oid
				WHERE e.extname = 'ipam' AND c.relkind = 'r' AND a.attnum > 0 AND a.attgenerated = '' AND a.attidentity = ''
				ORDER BY c.oid, a.attnum
			LOOP
				FOR place IN EXECUTE format('SELECT ctid FROM ipam.%I ORDER BY ctid DESC', column_of.table) LOOP
					EXECUTE format('UPDATE ipam.%I SET %2$I = %2$I WHERE ctid = $1', column_of.table, column_of.name) USING place;
				END LOOP;
			END LOOP;
		END $$});
}

# What pg_dump saves: a text for each table, and one for the sequences.
sub store_rows
{
	my ($node, $database) = @_;
	my %rows;
	for my $table (split /\n/, $node->safe_psql($database, q{
		SELECT c.relname FROM pg_extension AS e JOIN pg_class AS c ON c.oid = ANY (e.extconfig) WHERE e.extname = 'ipam' AND c.relkind = 'r'}))
	{
		$rows{$table} = $node->safe_psql($database, "SELECT t::text FROM ipam.$table AS t ORDER BY t::text COLLATE \"C\"");
	}
	return \%rows;
}

# Each table has the same rows; those named in @except may differ.
sub same_rows
{
	my ($got, $expected, $how, @except) = @_;
	my @tables = grep { my $table = $_; !grep { $_ eq $table } @except } sort keys %$expected;
	my @differ = grep { ($got->{$_} // 'no such table') ne $expected->{$_} } @tables;
	is("@differ", '', "$how: the rows of " . @tables . ' tables are the same');
	for my $table (@differ)
	{
		my %lines;
		$lines{$_}++ for split /\n/, $got->{$table} // '';
		$lines{$_}-- for split /\n/, $expected->{$table};
		my @lines = sort grep { $lines{$_} } keys %lines;
		diag(sprintf "%s: %d lines differ; %s", $table, scalar @lines, join "\n", map { ($lines{$_} > 0 ? 'got: ' : 'missing: ') . $_ } grep { defined } @lines[0 .. 3]);
	}
}

sub is_sound
{
	my ($node, $database, $how) = @_;
	is($node->safe_psql($database, 'SELECT * FROM ipam.check_plan()'), '', "$how: check_plan() finds nothing");
	is($node->safe_psql($database, 'SELECT * FROM ipam.check_occupancy()'), '', "$how: check_occupancy() finds nothing");
}

# Every sequence goes on where it was, allocation too, and a token still means the same addresses. Where others have
# changed the store, next and free tell what is free in its ranges.
sub goes_on
{
	my ($node, $database, $how, %other) = @_;
	is($node->safe_psql($database, q{
		SELECT count(*) FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id, 20, token => 'order 4711') AS a
		WHERE r.description = 'quarantine' AND a.allocation_token = 'order 4711' AND a.created_at < now()}), 20, "$how: the token is known");
	is($node->safe_psql($database, q{
		SELECT string_agg(host(a.address), ' ') FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id) AS a WHERE r.description = 'quarantine'}),
		$other{next} // '198.18.0.31', "$how: allocation goes on behind what is in quarantine");
	is($node->safe_psql($database, q{
		SELECT string_agg(host(f), ' ') FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id, count => NULL) AS f WHERE r.description = 'full'}),
		$other{free} // '198.18.20.20 198.18.41.41', "$how: the free addresses of a full range");
	is($node->safe_psql($database, q{
		INSERT INTO ipam.ip_subnet (network, name) VALUES ('192.168.251.0/24', 'next');
		INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('192.168.251.1', '192.168.251.9');
		INSERT INTO ipam.ip_block (network) VALUES ('192.168.250.0/23');
		INSERT INTO ipam.custom_field (name, type) VALUES ('Next field', 'Multivalued');
		INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT id, 'next' FROM ipam.custom_field WHERE name = 'Next field';
		INSERT INTO ipam.address_space (name) VALUES ('Next space');
		INSERT INTO ipam.logical_group (name) VALUES ('Next group');
		INSERT INTO ipam.ip_address (address, expires_at) VALUES ('192.168.251.1', '2022-02-02');
		CALL ipam.check_expiry();
		INSERT INTO ipam.async_session (kind) VALUES ('Provisioning');
		SELECT a.range_id = (SELECT max(id) FROM ipam.ip_range) AND EXISTS (SELECT FROM ipam.expiry_event AS e WHERE e.ip_address_id = a.id)
		FROM ipam.ip_address AS a WHERE a.address = '192.168.251.1'}), 't', "$how: the next INSERT into each table works");
	is_sound($node, $database, "$how, gone on");
}

1;
