# Many clients record, move and release addresses while ranges are made, resized, moved and deleted
# around them. In the end every address is mapped to the range that holds it, nothing is recorded twice,
# and no client saw an error that does not say "try again".
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', "deadlock_timeout = '50ms'\nmax_connections = 30");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION ipam CASCADE;
	CALL ipam.provision();
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'site');
	INSERT INTO ipam.ip_range (start_address, end_address) SELECT '10.0.0.1'::inet + 256 * n, '10.0.0.100'::inet + 256 * n FROM generate_series(0, 9) AS n;
});

# Counts what each client has done, to compare with what is there in the end.
$node->safe_psql('postgres', 'CREATE TABLE ledger (address inet, change integer)');
# (The advisory locks keep two clients from recording one address or remaking one range at the same time: the
# second would get a unique violation or an overlap, which is right but ends a pgbench client.)
my $record = q{
	\set n random(0, 2559)
	BEGIN;
	SELECT pg_advisory_xact_lock(:n);
	WITH new AS (INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.0'::inet + :n + 1) ON CONFLICT DO NOTHING RETURNING address)
	INSERT INTO ledger SELECT address, 1 FROM new;
	COMMIT;
};
my $release = q{
	\set n random(0, 2559)
	BEGIN;
	WITH old AS (DELETE FROM ipam.ip_address WHERE address = '10.0.0.0'::inet + :n + 1 RETURNING address)
	INSERT INTO ledger SELECT address, -1 FROM old;
	COMMIT;
};
my $move = q{
	\set n random(0, 2559)
	\set m random(0, 2559)
	BEGIN;
	SELECT pg_advisory_xact_lock(:m);
	WITH old AS (SELECT id, address FROM ipam.ip_address WHERE address = '10.0.0.0'::inet + :n + 1
	             AND NOT EXISTS (SELECT FROM ipam.ip_address WHERE address = '10.0.0.0'::inet + :m + 1) FOR UPDATE SKIP LOCKED),
	     moved AS (UPDATE ipam.ip_address AS a SET address = '10.0.0.0'::inet + :m + 1 FROM old WHERE a.id = old.id RETURNING old.address AS from_address, a.address AS to_address)
	INSERT INTO ledger SELECT from_address, -1 FROM moved UNION ALL SELECT to_address, 1 FROM moved;
	COMMIT;
};
my $resize = q{
	\set r random(0, 9)
	\set first random(1, 120)
	\set last random(121, 250)
	BEGIN;
	SELECT pg_advisory_xact_lock(10000 + :r);
	UPDATE ipam.ip_range SET start_address = '10.0.0.0'::inet + 256 * :r + :first, end_address = '10.0.0.0'::inet + 256 * :r + :last
	WHERE start_address BETWEEN '10.0.0.0'::inet + 256 * :r AND '10.0.0.255'::inet + 256 * :r;
	COMMIT;
};
my $remake = q{
	\set r random(0, 9)
	BEGIN;
	SELECT pg_advisory_xact_lock(10000 + :r);
	DELETE FROM ipam.ip_range WHERE start_address BETWEEN '10.0.0.0'::inet + 256 * :r AND '10.0.0.255'::inet + 256 * :r;
	INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1'::inet + 256 * :r, '10.0.0.200'::inet + 256 * :r);
	COMMIT;
};

my %scripts = (record => [ $record, 20 ], release => [ $release, 8 ], move => [ $move, 4 ], resize => [ $resize, 2 ], remake => [ $remake, 1 ]);
my $folder = PostgreSQL::Test::Utils::tempdir();
my @files;
for my $name (sort keys %scripts)
{
	append_to_file("$folder/$name", $scripts{$name}[0]);
	push @files, '-f', "$folder/$name\@$scripts{$name}[1]";
}
my ($out, $err);
my $ok = IPC::Run::run([ 'pgbench', '-n', '-c', '8', '-j', '2', '-T', ($ENV{IPAM_LOAD_SECONDS} || 10), '--max-tries=100', '-h', $node->host, '-p', $node->port, @files, 'postgres' ],
	'>', \$out, '2>', \$err);
ok($ok, 'eight clients worked without an error that cannot be retried') or diag("$out$err");
note($out);

is($node->safe_psql('postgres', q{
	SELECT a.address, a.range_id, expected.id FROM ipam.ip_address AS a LEFT JOIN LATERAL (
		SELECT r.id FROM ipam.ip_range AS r WHERE r.managed_by = a.managed_by AND a.address BETWEEN r.start_address AND r.end_address) AS expected ON true
	WHERE a.range_id IS DISTINCT FROM expected.id}), '', 'every address is mapped to the range that holds it');
is($node->safe_psql('postgres', 'SELECT address FROM ipam.ip_address GROUP BY address HAVING count(*) > 1'), '', 'nothing is recorded twice');
is($node->safe_psql('postgres', q{
	SELECT address FROM (SELECT address, sum(change) AS n FROM ledger GROUP BY address) AS l FULL JOIN ipam.ip_address AS a USING (address)
	WHERE coalesce(l.n, 0) <> CASE WHEN a.id IS NULL THEN 0 ELSE 1 END}), '', 'what clients recorded and did not release is there, and nothing else');
is($node->safe_psql('postgres', q{
	SELECT r.id FROM ipam.ip_range AS r JOIN ipam.ip_range AS q ON r.id < q.id AND r.extent && q.extent}), '', 'no two ranges overlap');
is($node->safe_psql('postgres', 'SELECT * FROM ipam.check_plan()'), '', 'the plan keeps every rule');

$node->stop;
done_testing();
