# Occupancy: a search that has walked far makes the next ones fast; what it says stays right while many
# clients release and record addresses and it is made anew all the time, with prepared transactions, after a
# crash, on a standby, and with what logical replication applies.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Staged;

my $node = Staged->node('primary', allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "jit = off\nmax_prepared_transactions = 5\nautovacuum = off");
$node->start;
sub query { return $node->safe_psql('postgres', $_[0]) }

query(q{
	CREATE EXTENSION ipam CASCADE;
	CALL ipam.provision();
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'large'), ('2001:db8::/64', 'six');
	INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.0/8', '10.16.0.1', '10.17.255.254');
	INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.0/8', '10.32.0.1', '10.32.63.255'), ('2001:db8::/64', '2001:db8::1:0', '2001:db8::1:3fff');
	INSERT INTO ipam.ip_address (address) SELECT '10.16.0.1'::inet + i FROM generate_series(0, 131060) AS i;
	INSERT INTO ipam.ip_address (address) SELECT '10.32.0.1'::inet + i FROM generate_series(0, 16382) AS i;
	INSERT INTO ipam.ip_address (address) SELECT '2001:db8::1:0'::inet + i FROM generate_series(0, 16383) AS i;
	VACUUM ipam.ip_address;
});

# Also where the database would not let a transaction write.
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET default_transaction_read_only = on');

# --- upkeep by itself -----------------------------------------------------------------------------------

is(query('SELECT count(*) FROM ipam.occupancy'), 0, 'nothing is known at first');
is(query('SELECT * FROM ipam.get_free_ip_addresses(1)'), '10.17.255.246', 'a search walks the whole range');
ok($node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM ipam.occupancy WHERE is_confirmed'), 'and has its stretches looked for');
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ipam occupancy'});
is(query('SELECT * FROM ipam.check_occupancy()'), '', 'which are right');
is(query('SELECT count(*) FROM ipam.occupancy WHERE range_id <> 1'), 0, 'only those of the range that was searched');
is(query('SELECT * FROM ipam.get_free_ip_addresses(1)'), '10.17.255.246', 'the next search finds the same');
my $pages = query(q{
	SELECT * FROM ipam.get_free_ip_addresses(1);
	EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM ipam.get_free_ip_addresses(1)});
my ($hit) = $pages =~ /"Shared Hit Blocks": (\d+)/;
my ($read) = $pages =~ /"Shared Read Blocks": (\d+)/;
cmp_ok($hit + $read, '<', 100, 'and reads a few pages for it instead of hundreds');

$node->safe_psql('postgres', 'SET default_transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only');

# --- allocation jumps, too ------------------------------------------------------------------------------

is(query('SELECT address FROM ipam.allocate_ip_addresses(1, count => 8) ORDER BY address LIMIT 1'), '10.17.255.246', 'allocation finds the first free address');
is(query('SELECT address FROM ipam.allocate_ip_addresses(1)'), '10.17.255.254', 'and the last one');
my $releasing = $node->background_psql('postgres');
$releasing->query_safe(q{BEGIN; DELETE FROM ipam.ip_address WHERE address = '10.16.99.99'});
my (undef, undef, $waits) = $node->psql('postgres', q{SET lock_timeout = '300ms'; SELECT address FROM ipam.allocate_ip_addresses(1)});
like($waits, qr/lock timeout/, 'a full range is not exhausted while a release in it may be committed');
$releasing->query_safe('COMMIT');
$releasing->quit;
is(query('SELECT address FROM ipam.allocate_ip_addresses(1)'), '10.16.99.99', 'which is given out then');
my (undef, undef, $exhausted) = $node->psql('postgres', 'SELECT address FROM ipam.allocate_ip_addresses(1)');
like($exhausted, qr/1 address requested, 0 available/, 'and then it is exhausted');

# --- many clients ---------------------------------------------------------------------------------------

query(q{
	CREATE TABLE public.expected (range_id bigint, address inet);
	CREATE FUNCTION public.compare(range_id bigint) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		difference text;
	BEGIN
		SELECT string_agg(address::text, ' ') INTO difference
		FROM (SELECT r.start_address + i AS address
		      FROM ipam.ip_range AS r, generate_series(0, r.end_address - r.start_address) AS i
		      WHERE r.id = range_id AND NOT EXISTS (
		          SELECT FROM ipam.ip_address AS a WHERE a.range_id = r.id AND a.address = r.start_address + i)) AS s
		    FULL JOIN ipam.get_free_ip_addresses(range_id, count => NULL) AS f (address) USING (address)
		WHERE s IS NULL OR f IS NULL;
		IF difference IS NOT NULL THEN
			RAISE EXCEPTION 'range %: %', range_id, left(difference, 200);
		END IF;
	END
	$$;
	CALL ipam.rebuild_occupancy();
});
my %scripts = (
	release => [ q{
		\set at random(0, 16380)
		\set length random(0, 3)
		BEGIN;
		DELETE FROM ipam.ip_address WHERE address IN (SELECT a.address FROM ipam.ip_address AS a WHERE a.address_space_id = 1 AND a.address BETWEEN '10.32.0.1'::inet + :at AND '10.32.0.1'::inet + :at + :length FOR UPDATE SKIP LOCKED);
		SAVEPOINT s;
		DELETE FROM ipam.ip_address WHERE address IN (SELECT a.address FROM ipam.ip_address AS a WHERE a.address_space_id = 1 AND a.address = '2001:db8::1:0'::inet + :at FOR UPDATE SKIP LOCKED);
		\if :length
		ROLLBACK TO s;
		\endif
		DELETE FROM ipam.ip_address WHERE address IN (SELECT a.address FROM ipam.ip_address AS a WHERE a.address_space_id = 1 AND a.address = '2001:db8::1:0'::inet + 16380 - :at FOR UPDATE SKIP LOCKED);
		COMMIT;
	}, 10 ],
	refill => [ q{
		INSERT INTO ipam.ip_address (address) SELECT f FROM ipam.get_free_ip_addresses(2, count => 10) AS f ON CONFLICT DO NOTHING;
		INSERT INTO ipam.ip_address (address) SELECT f FROM ipam.get_free_ip_addresses(3, count => 10) AS f ON CONFLICT DO NOTHING;
	}, 10 ],
	compare => [ q{
		\set range random(2, 3)
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT public.compare(:range);
		COMMIT;
	}, 3 ],
	rebuild => [ q{
		\set range random(2, 3)
		CALL ipam.rebuild_occupancy(:range);
	}, 3 ],
);
my $folder = PostgreSQL::Test::Utils::tempdir();
my @files;
for my $name (sort keys %scripts)
{
	append_to_file("$folder/$name", $scripts{$name}[0]);
	push @files, '-f', "$folder/$name\@$scripts{$name}[1]";
}
my ($out, $err);
my $ok = IPC::Run::run(
	[ 'pgbench', '-n', '-c', '6', '-j', '2', '-T', ($ENV{IPAM_LOAD_SECONDS} || 8), '--max-tries=100', '-h', $node->host, '-p', $node->port, @files, 'postgres' ],
	'>', \$out, '2>', \$err);
ok($ok, 'every search found what plain SQL finds in the same snapshot') or diag($err);
note($out);
is(query('SELECT * FROM ipam.check_occupancy()'), '', 'nothing is said to be full that is not');
query('SELECT public.compare(2), public.compare(3)');
query(q{
	INSERT INTO ipam.ip_address (address) SELECT f FROM ipam.get_free_ip_addresses(2, count => NULL) AS f;
	CALL ipam.rebuild_occupancy()});
cmp_ok(query('SELECT count(*) FROM ipam.occupancy WHERE range_id = 2 AND is_confirmed'), '>', 0, 'and something is');

# --- prepared transactions ------------------------------------------------------------------------------

is(query(q{
	SET ipam.occupancy_upkeep = off;
	INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.0/8', '10.48.0.1', '10.48.255.254') RETURNING id \gset
	INSERT INTO ipam.ip_address (address) SELECT '10.48.0.1'::inet + i FROM generate_series(0, 59999) AS i;
	\o /dev/null
	SELECT address FROM ipam.allocate_ip_addresses(:id);
	BEGIN;
	SELECT address FROM ipam.allocate_ip_addresses(:id, 10);
	PREPARE TRANSACTION 'allocation';
	ROLLBACK PREPARED 'allocation';
	\o
	SELECT address FROM ipam.allocate_ip_addresses(:id);
	\o /dev/null
	SELECT ipam.delete_range(:id, delete_addresses => true)}), '10.48.234.98', 'what ROLLBACK PREPARED has made free comes next');
query(q{BEGIN; DELETE FROM ipam.ip_address WHERE address = '10.32.5.5'; PREPARE TRANSACTION 'release'});
my ($status, undef, $error) = $node->psql('postgres', q{SET lock_timeout = '200ms'; CALL ipam.rebuild_occupancy(2)});
like($error, qr/lock timeout/, 'a prepared transaction that has released addresses is waited for');
is(query('SELECT count(*) FROM ipam.get_free_ip_addresses(2)'), 0, 'the address is not free yet');

# --- crash ----------------------------------------------------------------------------------------------

$node->stop('immediate');
$node->start;
is(query('SELECT count(*) FROM ipam.get_free_ip_addresses(2)'), 0, 'nor after a crash');
query(q{COMMIT PREPARED 'release'});
is(query('SELECT * FROM ipam.get_free_ip_addresses(2)'), '10.32.5.5', 'but after COMMIT PREPARED');
is(query('SELECT * FROM ipam.check_occupancy()'), '', 'and occupancy is right');

# --- standby --------------------------------------------------------------------------------------------

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
query(q{CALL ipam.rebuild_occupancy(2); DELETE FROM ipam.ip_address WHERE address = '10.32.6.6'});
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT * FROM ipam.get_free_ip_addresses(2, count => 3)'), "10.32.5.5\n10.32.6.6", 'a standby jumps and finds the same');
$standby->promote;
is($standby->safe_psql('postgres', q{DELETE FROM ipam.ip_address WHERE address = '10.32.7.7'; SELECT * FROM ipam.get_free_ip_addresses(2, count => 3)}),
	"10.32.5.5\n10.32.6.6\n10.32.7.7", 'also after promotion');
$standby->stop;

# --- logical replication ---------------------------------------------------------------------------------

my $subscriber = Staged->node('subscriber');
$subscriber->start;
$subscriber->safe_psql('postgres', q{
	CREATE EXTENSION ipam CASCADE;
	CALL ipam.provision();
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'large');
	INSERT INTO ipam.ip_range (id, network, start_address, end_address) OVERRIDING SYSTEM VALUE VALUES (2, '10.0.0.0/8', '10.32.0.1', '10.32.63.255')});
query(q{CREATE PUBLICATION addresses FOR TABLE ipam.ip_address; DELETE FROM ipam.ip_address WHERE range_id <> 2});
$subscriber->safe_psql('postgres', sprintf q{CREATE SUBSCRIPTION addresses CONNECTION '%s dbname=postgres' PUBLICATION addresses}, $node->connstr);
$subscriber->wait_for_subscription_sync($node, 'addresses');
is($subscriber->safe_psql('postgres', 'CALL ipam.rebuild_occupancy(2); SELECT count(*) > 0 FROM ipam.occupancy WHERE is_confirmed'), 't', 'a subscriber has occupancy of its own');
query(q{DELETE FROM ipam.ip_address WHERE address = '10.32.8.8'; UPDATE ipam.ip_address SET address = '10.200.0.0' WHERE address = '10.32.9.9'});
$node->wait_for_catchup('addresses');
is($subscriber->safe_psql('postgres', 'SELECT string_agg(host(f), $$ $$) FROM ipam.get_free_ip_addresses(2, count => 9) AS f'),
	'10.32.5.5 10.32.6.6 10.32.8.8 10.32.9.9', 'and releases that are applied there make holes in it');
is($subscriber->safe_psql('postgres', 'SELECT * FROM ipam.check_occupancy()'), '', 'so that it stays right');
query('TRUNCATE ipam.ip_address');
$node->wait_for_catchup('addresses');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM ipam.occupancy'), 0, 'TRUNCATE forgets it there, too');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION addresses');
$subscriber->stop;

# --- TRUNCATE -------------------------------------------------------------------------------------------

is(query('SELECT (SELECT count(*) FROM ipam.occupancy) + (SELECT count(*) FROM ipam.occupancy_hole)'), 0, 'TRUNCATE forgets all');
is(query('SELECT * FROM ipam.get_free_ip_addresses(2)'), '10.32.0.1', 'and all is free');

$node->stop;
done_testing();
