# The search reads pages of an index by itself. Tables and indexes that are rewritten or rebuilt while it reads change no
# answer; an index that is missing, unfinished or another one than it was is told, and never believed.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', "jit = off\nautovacuum = off\ndeadlock_timeout = '100ms'");
$node->start;
sub query { return $node->safe_psql('postgres', $_[0]) }

my $index = 'ipam.ip_address_range_id_address_idx';
my $size = 16000; # of each range; three of four addresses are used, the first half of the range is full
query(qq{
	CREATE EXTENSION ipam CASCADE;
	CREATE EXTENSION amcheck;
	CALL ipam.provision();
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'four'), ('2001:db8::/64', 'six');
	INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.0/16', '10.0.0.1', '10.0.0.0'::inet + $size), ('2001:db8::/64', '2001:db8::1', '2001:db8::'::inet + $size);
	INSERT INTO ipam.ip_address (address) SELECT r.start_address + i FROM ipam.ip_range AS r, generate_series(0, $size - 1) AS i WHERE i < $size / 2 OR i % 2 = 1;
	CALL ipam.rebuild_occupancy();
	CREATE FUNCTION public.compare(range_id bigint) RETURNS void LANGUAGE plpgsql AS \$\$
	DECLARE
		wrong text;
	BEGIN
		SELECT string_agg(address::text, ' ') INTO wrong
		FROM (SELECT r.start_address + i AS address FROM ipam.ip_range AS r, generate_series(0, $size - 1) AS i WHERE r.id = range_id
		      EXCEPT SELECT a.address FROM ipam.ip_address AS a WHERE a.range_id = compare.range_id) AS s
		    FULL JOIN ipam.get_free_ip_addresses(range_id, count => NULL) AS f (address) USING (address)
		WHERE s IS NULL OR f IS NULL;
		IF wrong IS NOT NULL THEN
			RAISE EXCEPTION 'range %: %', range_id, left(wrong, 200);
		END IF;
	END
	\$\$;
});

# --- while others search, allocate and release ----------------------------------------------------------

my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/compare", q{
	\set range random(1, 2)
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT public.compare(:range);
	SELECT public.compare(:range);
	COMMIT;
});
append_to_file("$folder/allocate", q{
	\set range random(1, 2)
	SELECT count(*) FROM ipam.allocate_ip_addresses(:range, 3);
});
append_to_file("$folder/release", qq{
	\\set range random(1, 2)
	\\set at random(0, $size - 4)
	DELETE FROM ipam.ip_address WHERE id IN (SELECT a.id FROM ipam.ip_address AS a JOIN ipam.ip_range AS r ON r.id = a.range_id
		WHERE r.id = :range AND a.address BETWEEN r.start_address + :at AND r.start_address + :at + 3 FOR UPDATE OF a SKIP LOCKED);
});
my ($out, $err);
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-j', '2', '-T', '600', '--max-tries=100', '-h', $node->host, '-p', $node->port,
	'-f', "$folder/compare\@1", '-f', "$folder/allocate\@10", '-f', "$folder/release\@10", 'postgres' ], '>', \$out, '2>', \$err);
for my $round (1 .. ($ENV{IPAM_REWRITE_ROUNDS} || 3))
{
	for my $command ('VACUUM ipam.ip_address', "REINDEX INDEX CONCURRENTLY $index", "CLUSTER ipam.ip_address USING ip_address_identity_key", 'REINDEX TABLE CONCURRENTLY ipam.ip_address',
		'VACUUM FULL ipam.ip_address', "REINDEX INDEX $index", 'CALL ipam.rebuild_occupancy()', 'VACUUM FULL ipam.occupancy', 'REINDEX TABLE CONCURRENTLY ipam.occupancy_hole',
		'REINDEX TABLE CONCURRENTLY ipam.ip_range', "CLUSTER ipam.ip_address USING ip_address_range_id_address_idx")
	{
		# REINDEX CONCURRENTLY can be the victim of a deadlock; it leaves an index behind that nobody uses.
		my ($status, undef, $error) = $node->psql('postgres', $command);
		ok($status == 0 || $error =~ /deadlock detected/, "$command, round $round") or diag($error);
	}
}
$load->pump_nb;
ok($load->pumpable && $err !~ /abort/, 'all the time the clients had the right answers') or diag($err);
$load->kill_kill;
query('SELECT public.compare(1), public.compare(2)');
is(query('SELECT * FROM ipam.check_occupancy()'), '', 'nothing is said to be full that is not');
is(query('SELECT * FROM ipam.check_plan()'), '', 'the plan keeps every rule');
query("SELECT bt_index_check('$index', true)");

# --- in the middle of an answer -------------------------------------------------------------------------

my $all = query('SELECT string_agg(host(f), $$ $$) FROM ipam.get_free_ip_addresses(1, count => NULL) AS f');
for my $way ([ "CLUSTER ipam.ip_address USING ip_address_identity_key", '' ], [ "REINDEX INDEX $index", '' ], [ '', "VACUUM FULL ipam.ip_address" ], [ '', "REINDEX TABLE ipam.ip_address" ])
{
	my ($own, $other) = @$way;
	my $reader = $node->background_psql('postgres');
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; DECLARE c CURSOR FOR SELECT host(ipam.get_free_ip_addresses(1, count => NULL))');
	my @got = split /\n/, $reader->query_safe('FETCH 7 FROM c');
	$node->safe_psql('postgres', 'DELETE FROM ipam.ip_address WHERE range_id = 1 AND address > (SELECT max(address) - 20 FROM ipam.ip_address WHERE range_id = 1)') if $other;
	$reader->query_safe($own) if $own;
	my $waits = $other =~ /VACUUM FULL/; # as for a SELECT, until the transaction ends
	my $error;
	(undef, undef, $error) = $node->psql('postgres', "SET lock_timeout = '200ms'; $other") if $other;
	like($error, $waits ? qr/lock timeout/ : qr/^$/, "other's $other " . ($waits ? 'waits for the reader' : 'does not wait for the reader')) if $other;
	push @got, split /\n/, $reader->query_safe('FETCH ALL FROM c');
	$reader->query_safe('ROLLBACK');
	$reader->quit;
	is(join(' ', @got), $all, ($own ? "own $own" : "other's $other, after a DELETE") . ': the rest of the answer is that of the snapshot');
	$all = query('SELECT string_agg(host(f), $$ $$) FROM ipam.get_free_ip_addresses(1, count => NULL) AS f');
}

# --- an index that cannot be trusted --------------------------------------------------------------------

sub refused
{
	my ($how, $expected, @session) = @_;
	for my $call ('SELECT * FROM ipam.get_free_ip_addresses(1)', 'SELECT * FROM ipam.free_ranges(1)', 'SELECT ipam.count_used_ip_addresses(1)', 'SELECT address FROM ipam.allocate_ip_addresses(1)')
	{
		my (undef, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\n$call");
		like($error, $expected, "$how: $call");
	}
	return;
}

query("DROP INDEX $index");
refused('dropped', qr/42P01: relation $index does not exist/);

my $writer = $node->background_psql('postgres');
$writer->query_safe(q{BEGIN; UPDATE ipam.ip_address SET notes = 'open' WHERE id = (SELECT max(id) FROM ipam.ip_address)});
$node->psql('postgres', "SET lock_timeout = '100ms'; CREATE UNIQUE INDEX CONCURRENTLY ip_address_range_id_address_idx ON ipam.ip_address (range_id, address)");
is(query("SELECT indisvalid FROM pg_index WHERE indexrelid = '$index'::regclass"), 'f', 'an interrupted CREATE INDEX CONCURRENTLY leaves an index');
refused('unfinished', qr/55000: index $index cannot be used.*REINDEX INDEX $index/s);
$writer->query_safe('COMMIT');
query("REINDEX INDEX $index");
query('SELECT public.compare(1), public.compare(2)');

for my $other ('(range_id DESC, address)', '(address, range_id)', '(range_id, address, id)', '(range_id)', '(range_id, address) WHERE id > 0')
{
	query("DROP INDEX $index; CREATE INDEX ip_address_range_id_address_idx ON ipam.ip_address $other");
	my (undef, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM ipam.get_free_ip_addresses(1)");
	like($error, qr/55000: index $index cannot be used.*CREATE UNIQUE INDEX/s, "$other: another index");
	(undef, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM ipam.allocate_ip_addresses(1)");
	like($error, qr/55000: index $index cannot be used/, "$other: also told by allocation");
}

# An index that is younger than the snapshot lacks versions of rows that the snapshot shows.
query(qq{DROP INDEX $index;
	CREATE FUNCTION public.outcome(statement text) RETURNS text LANGUAGE plpgsql AS \$\$
	BEGIN EXECUTE statement; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END \$\$});
$writer->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
query(qq{UPDATE ipam.ip_address SET notes = 'new' WHERE range_id = 1;
	CREATE UNIQUE INDEX ip_address_range_id_address_idx ON ipam.ip_address (range_id, address)});
is(query("SELECT indcheckxmin FROM pg_index WHERE indexrelid = '$index'::regclass"), 't', 'an index that old snapshots may not use');
is($writer->query_safe(q{SELECT public.outcome('SELECT * FROM ipam.get_free_ip_addresses(1)')}), "55000 index $index cannot be used", 'does not serve them');
$writer->query_safe('COMMIT');
$writer->quit;
is(query('SELECT public.compare(1), public.compare(2)'), '|', 'when they are gone it serves everybody');

$node->stop;
done_testing();
