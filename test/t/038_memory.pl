# Calls leave no memory behind: what a session holds after many calls of a function is what it held after a tenth of them.
#
#   IPAM_MEMORY_CALLS  how many calls of each; the search and the allocation get ten times as many
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $calls = $ENV{IPAM_MEMORY_CALLS} || 2_000;
# Bytes. The look itself takes a third of the first part; the server keeps 24 for each COMMIT of a procedure until it ends, with
# any table.
sub limit { return 24_576 + $_[0] / 4 }

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', "jit = off\nautovacuum = off\nlog_statement = none\nsynchronous_commit = off\nmax_wal_size = 8GB\nipam.occupancy_upkeep = off");
$node->start;
sub query { return $node->safe_psql('postgres', $_[0]) }

query(q{
	CREATE EXTENSION ipam CASCADE;
	CALL ipam.provision();
	INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.0.0.0/12');
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'lan'), ('10.1.0.0/24', 'many'), ('2001:db8::/64', 'six');
	INSERT INTO ipam.ip_range (network, start_address, end_address, reserved_addresses) VALUES
	    ('10.0.0.0/16', '10.0.0.1', '10.0.63.255', '{[10.0.0.3,10.0.0.4]}'), ('2001:db8::/64', '2001:db8::1', '2001:db8::ffff', '{}'),
	    ('10.0.0.0/16', '10.0.128.1', '10.0.129.255', '{}'), ('10.0.0.0/16', '10.0.130.1', '10.0.130.9', '{}');
	INSERT INTO ipam.ip_address (address) SELECT '10.0.0.1'::inet + 2 * i FROM generate_series(0, 499) AS i;
	INSERT INTO ipam.ip_address (address) SELECT '10.0.16.0'::inet + i FROM generate_series(0, 8191) AS i; -- full for long: occupancy
	INSERT INTO ipam.ip_address (address) SELECT '2001:db8::1'::inet + i FROM generate_series(0, 99) AS i;
	INSERT INTO ipam.ip_address (address) SELECT '10.0.130.1'::inet + i FROM generate_series(0, 8) AS i;
	INSERT INTO ipam.ip_subnet (network, name) SELECT set_masklen('10.2.0.0'::inet + 512 * i, 24)::cidr, 'half' FROM generate_series(0, 99) AS i;
	INSERT INTO ipam.address_space (name) VALUES ('fabric');
	CALL ipam.rebuild_occupancy();
	VACUUM ANALYZE;

	-- What the statement leaves: bytes in memory contexts, and kilobytes of the process beside them and shared memory.
	CREATE FUNCTION public.held(OUT contexts bigint, OUT process bigint) LANGUAGE sql VOLATILE
	RETURN ROW((SELECT sum(used_bytes)::bigint FROM pg_backend_memory_contexts), substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::bigint);

	-- Each call is a statement; a transaction has a hundred.
	CREATE PROCEDURE public.repeat_statement(statement text, calls integer, INOUT contexts bigint DEFAULT NULL, INOUT process bigint DEFAULT NULL) LANGUAGE plpgsql AS $$
	DECLARE
		early record;
		late record;
	BEGIN
		FOR i IN 1 .. calls LOOP
			BEGIN
				EXECUTE statement USING i;
			EXCEPTION WHEN SQLSTATE 'IP003' OR SQLSTATE 'IP511' OR SQLSTATE 'IP202' THEN -- which some of the statements are for
			END;
			IF i % 100 = 0 THEN
				COMMIT;
			END IF;
			IF i = calls / 10 THEN
				SELECT * INTO early FROM public.held();
			END IF;
		END LOOP;
		SELECT * INTO late FROM public.held();
		contexts := late.contexts - early.contexts;
		process := late.process - early.process;
	END
	$$;

	CREATE FUNCTION public.used_after(result text) RETURNS bigint LANGUAGE plpgsql AS $$
	BEGIN RETURN (SELECT sum(used_bytes) FROM pg_backend_memory_contexts); END $$;

	-- All calls are one statement: what a call leaves until its end.
	CREATE FUNCTION public.repeat_call(call text, calls integer) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		grown bigint;
	BEGIN
		EXECUTE format('SELECT max(m.bytes) FILTER (WHERE i = %2$s) - max(m.bytes) FILTER (WHERE i = %2$s / 10)
			FROM generate_series(1, %2$s) AS i, LATERAL (%1$s) AS f (n),
			    LATERAL (SELECT CASE WHEN i IN (1, %2$s, %2$s / 10) THEN public.used_after(f.n::text) END AS bytes) AS m', call, calls) INTO grown;
		RETURN grown;
	END
	$$;
});

# Statements with $1, the number of the call; one call of it stands for how many of another.
my @statements = (
	[ 'free addresses', 0.1, 'SELECT count(*) FROM ipam.get_free_ip_addresses(1, count => 20)' ],
	[ 'free addresses in the select list, cut short', 1, 'SELECT ipam.get_free_ip_addresses(1, count => NULL) LIMIT 3' ],
	[ 'free addresses behind a full stretch', 0.1, q{SELECT * FROM ipam.get_free_ip_addresses(1, '10.0.16.0')} ],
	[ 'free addresses, IPv6', 1, 'SELECT count(*) FROM ipam.get_free_ip_addresses(2, count => 5, include_reserved => true)' ],
	[ 'free addresses of no range', 1, 'SELECT * FROM ipam.get_free_ip_addresses(999)' ],
	[ 'free addresses from outside', 1, q{SELECT * FROM ipam.get_free_ip_addresses(1, '10.9.9.9')} ],
	[ 'free stretches', 4, 'SELECT count(*) FROM ipam.free_ranges(1)' ],
	[ 'counting', 1, 'SELECT ipam.count_used_ip_addresses(1)' ],
	[ 'utilization', 2, 'SELECT percent_utilized, status FROM ipam.range_utilization WHERE range_id = 1' ],
	[ 'is it mapped', 1, q{SELECT ipam.is_ip_address_mapped(1, '10.0.0.5')} ],
	[ 'why not free', 2, q{SELECT ipam.why_not_free(1, '10.0.0.5')} ],
	[ 'explain', 1, q{SELECT count(*) FROM ipam.explain_address('10.0.0.1'::inet + $1)} ],
	[ 'room for a network', 1, 'SELECT ipam.get_free_ip_subnets(1, 24, 3)' ],
	[ 'room, best fit', 1, q{SELECT ipam.get_free_ip_subnets(1, 25, 2, 'BestFit')} ],
	[ 'room in a subnet', 1, 'SELECT ipam.get_free_ip_subnets_in_subnet(1, 24, 2)' ],
	[ 'room for a range', 1, 'SELECT ipam.get_free_ip_ranges(1, 100, 2)' ],
	[ 'free networks', 4, 'SELECT count(*) FROM ipam.free_networks(2)' ],
	[ 'largest free network', 2, 'SELECT ipam.largest_free_network(1)' ],
	[ 'allocation and release', 0.1, 'SELECT count(*) FROM ipam.release_ip_addresses(ARRAY(SELECT id FROM ipam.allocate_ip_addresses(2, 3)))' ],
	[ 'allocation with a token and properties, and release', 1,
		q{SELECT count(*) FROM ipam.release_ip_addresses(ARRAY(SELECT id FROM ipam.allocate_ip_addresses(3, 2, token => 'token ' || $1, device_name => 'd', properties => '{"serial_number": "s"}')))} ],
	[ 'a run of addresses from the end, and release', 1,
		q{SELECT count(*) FROM ipam.release_ip_addresses(ARRAY(SELECT id FROM ipam.allocate_ip_addresses(3, 8, consecutive => true, direction => 'Highest')))} ],
	[ 'allocation in a full range', 1, 'SELECT * FROM ipam.allocate_ip_addresses(4, 1)' ],
	[ 'INSERT and DELETE of an address', 1, q{WITH gone AS (DELETE FROM ipam.ip_address WHERE address = '10.0.128.77' RETURNING 1) INSERT INTO ipam.ip_address (address) SELECT '10.0.128.77' WHERE NOT EXISTS (SELECT FROM gone)} ],
	[ 'an address that moves', 20, q{UPDATE ipam.ip_address SET address = '2001:db8::ff00'::inet + $1 % 2 WHERE id = (SELECT max(id) FROM ipam.ip_address WHERE range_id = 2)} ],
	[ 'a range that is resized', 10, q{UPDATE ipam.ip_range SET end_address = '10.0.130.9'::inet + $1 / 10 % 2 WHERE id = 4} ],
	[ 'a subnet that comes and goes', 10, q{WITH gone AS (DELETE FROM ipam.ip_subnet WHERE network = '10.5.0.0/24' RETURNING 1) INSERT INTO ipam.ip_subnet (network, name) SELECT '10.5.0.0/24', 'x' WHERE NOT EXISTS (SELECT FROM gone)} ],
	[ 'import with errors', 20, q{SELECT count(*) FROM ipam.import_csv('ip_address', E'address,device_name\n10.0.129.1,a\nnonsense,b\n10.0.129.1,"c\nd"\n')} ],
	[ 'a bulk update', 20, q{SELECT count(*) FROM ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "n"}, {"id": 99999999, "notes": "n"}]')} ],
	[ 'values of inetrange', 1, q{SELECT '[10.0.0.1,10.0.0.9]'::ipam.inetrange && ipam.inetrange('10.0.0.1'::inet + $1, NULL), '{[10.0.0.1,10.0.0.9],[10.0.1.1,10.0.1.9]}'::ipam.inetmultirange}],
);
for my $case (@statements)
{
	my ($name, $weight, $statement) = @$case;
	my $times = int($calls / $weight / 100) * 100;
	$statement =~ s/'/''/g;
	my ($contexts, $process) = split /\|/, query("CALL public.repeat_statement('$statement', $times)");
	cmp_ok($contexts, '<', limit($times), sprintf '%s: contexts after %d calls', $name, $times);
	cmp_ok($process, '<', 4_096, sprintf '%s: process (%d bytes, %d kB)', $name, $contexts, $process);
}

for my $case (grep { $_->[2] !~ /RETURNING|^UPDATE|import|bulk|release_ip|allocate|999|10\.9\.9\.9/ } @statements)
{
	my ($name, $weight, $statement) = @$case;
	my $times = int($calls / $weight / 100) * 100;
	# Each call depends on its number, or the server might make it once.
	$statement =~ s/\$1/i/g;
	$statement =~ s/\((\d+)([,)])/(($1 + 0 * i)$2/;
	$statement =~ s/ = 1$/ = 1 + 0 * i/;
	$statement =~ s/^SELECT ((?:'|ipam\.|percent).*)/SELECT count(v::text) FROM (SELECT $1) AS v/;
	$statement =~ s/^SELECT \* FROM/SELECT count(*) FROM/;
	$statement =~ s/'/''/g;
	my $grown = query("SELECT public.repeat_call('$statement', $times)");
	cmp_ok($grown, '<', limit($times), sprintf '%s: within a statement of %d calls (%d bytes)', $name, $times, $grown);
}

# What a call in FROM holds when it has given its last row and the first one is read; the rows themselves go to disk. The
# second time, when all that the session keeps is there.
query(q{
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.3.0.0/16', 'gaps');
	INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.3.0.0/16', '10.3.0.1', '10.3.127.255');
	INSERT INTO ipam.ip_address (address) SELECT '10.3.0.1'::inet + 2 * i FROM generate_series(0, 16383) AS i;
});
for my $case (
	[ 'free addresses', 16_383, 'ipam.get_free_ip_addresses(5, count => NULL)' ],
	[ 'free stretches', 16_383, 'ipam.free_ranges(5)' ],
	[ 'room for a network', 10_000, 'ipam.get_free_ip_subnets_in_subnet(1, 30, 10000)' ],
	[ 'room for a range', 10_000, 'ipam.get_free_ip_ranges(1, 4, 10000)' ])
{
	my ($name, $rows, $call) = @$case;
	my $look = qq{SELECT count(*), max(m.bytes) - :before AS grown FROM $call WITH ORDINALITY AS f (n, row),
		LATERAL (SELECT CASE WHEN row = 1 THEN public.used_after(f.n::text) END AS bytes) AS m};
	my ($given, $grown) = split /\|/, query(qq{
		SET work_mem = '64kB';
		SELECT public.used_after('') AS before \\gset
		$look \\gset
		SELECT public.used_after('') AS before \\gset
		$look;});
	is($given, $rows, "$name: rows of a call in FROM");
	cmp_ok($grown, '<', 262_144, "$name: within the call ($grown bytes)");
}

$node->stop;
done_testing();
