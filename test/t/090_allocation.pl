# Many clients allocate and release at the same time: nothing is given out twice, nothing is lost, nobody
# hears "exhausted" while there are addresses, and the last addresses are all found.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', "max_connections = 40\nlog_min_messages = error\nmax_locks_per_transaction = 64");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION ipam CASCADE;
	CALL ipam.provision();
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.64.0.0/10', 'pool'), ('10.1.0.0/16', 'last'), ('10.2.0.0/16', 'tight'), ('10.3.0.0/16', 'tokens');
	INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.64.0.1', '10.127.255.254'), ('10.1.0.1', '10.1.1.0'), ('10.2.0.1', '10.2.0.64'), ('10.3.0.1', '10.3.255.254');
	-- What clients got and gave back, written in the transactions that did it.
	CREATE TABLE ledger (range_id bigint, address inet, change integer);
	CREATE VIEW range_of AS SELECT id, split_part(host(start_address), '.', 2)::integer AS net FROM ipam.ip_range;
});

my $folder = PostgreSQL::Test::Utils::tempdir();

# Runs scripts given as name => [ sql, weight ]; returns whether all clients came to their end.
sub load
{
	my ($name, $clients, $options, %scripts) = @_;
	my @files;
	for my $script (sort keys %scripts)
	{
		append_to_file("$folder/$name.$script", $scripts{$script}[0]);
		push @files, '-f', "$folder/$name.$script\@$scripts{$script}[1]";
	}
	my ($out, $err);
	my $ok = IPC::Run::run([ 'pgbench', '-n', '-c', $clients, '-j', 2, @$options, '--max-tries=1', '-h', $node->host, '-p', $node->port, @files, 'postgres' ],
		'>', \$out, '2>', \$err);
	ok($ok, $name) or diag("$out$err");
	unlike($err, qr/ERROR/, "$name: no error at all");
	note($out);
	return $ok;
}

sub is_true_to_ledger
{
	my ($what) = @_;
	is($node->safe_psql('postgres', q{
		SELECT range_id, address FROM (SELECT range_id, address, sum(change) AS n FROM ledger GROUP BY 1, 2) AS l FULL JOIN ipam.ip_address AS a USING (range_id, address)
		WHERE coalesce(l.n, 0) <> CASE WHEN a.id IS NULL THEN 0 ELSE 1 END}), '', "$what: recorded is what clients got and did not give back");
	is($node->safe_psql('postgres', 'SELECT address FROM ipam.ip_address GROUP BY address HAVING count(*) > 1'), '', "$what: nothing twice");
}

my $take = q{
	INSERT INTO ledger SELECT a.range_id, a.address, 1 FROM ipam.allocate_ip_addresses((SELECT id FROM range_of WHERE net = %d), %s) AS a;
};
my $give = q{
	WITH old AS MATERIALIZED (SELECT id FROM ipam.ip_address WHERE range_id = (SELECT id FROM range_of WHERE net = %d) AND random() < 0.2 LIMIT 3 FOR UPDATE SKIP LOCKED),
	     gone AS (SELECT * FROM ipam.release_ip_addresses(ARRAY(SELECT id FROM old)))
	INSERT INTO ledger SELECT range_id, address, -1 FROM gone;
};
my $delete = q{
	WITH gone AS (DELETE FROM ipam.ip_address WHERE id IN (SELECT id FROM ipam.ip_address WHERE range_id = (SELECT id FROM range_of WHERE net = %d) LIMIT 2 FOR UPDATE SKIP LOCKED) RETURNING range_id, address)
	INSERT INTO ledger SELECT range_id, address, -1 FROM gone;
};
my $undo = q{
	BEGIN;
	SELECT a.address FROM ipam.allocate_ip_addresses((SELECT id FROM range_of WHERE net = %d), 3) AS a;
	ROLLBACK;
};

# Room for all: different sizes, both directions, releases and rollbacks in between.
load('eight clients, room for all', 8, [ '-T', ($ENV{IPAM_LOAD_SECONDS} || 6) ],
	one => [ sprintf($take, 64, '1'), 6 ],
	five => [ sprintf($take, 64, '5'), 1 ],
	run => [ sprintf($take, 64, '4, consecutive => true'), 1 ],
	highest => [ sprintf($take, 64, q{2, direction => 'Highest'}), 1 ],
	many => [ sprintf($take, 64, '100'), 1 ],
	give => [ sprintf($give, 64), 5 ],
	delete => [ sprintf($delete, 64), 2 ],
	undo => [ sprintf($undo, 64), 2 ]);
is_true_to_ledger('room for all');

# Never more than 48 of the 64 addresses are in use: each of eight clients takes up to 6, and gives them back. "Exhausted" would be wrong
# at any time.
load('eight clients in a tight range', 8, [ '-T', ($ENV{IPAM_LOAD_SECONDS} || 4) ],
	cycle => [ q{
		\set n random(1, 6)
		SELECT string_agg(a.id::text, ',') AS ids FROM ipam.allocate_ip_addresses((SELECT id FROM range_of WHERE net = 2), :n) AS a \gset
		SELECT count(*) FROM ipam.release_ip_addresses(ARRAY[:ids]::bigint[]);
	}, 1 ]);
# The same with nothing to spare: five clients fill the range until their transactions end, the others wait for their turn.
load('eight clients take all there is', 8, [ '-T', ($ENV{IPAM_LOAD_SECONDS} || 3) ],
	cycle => [ q{
		BEGIN;
		SELECT string_agg(a.id::text, ',') AS ids FROM ipam.allocate_ip_addresses((SELECT id FROM range_of WHERE net = 2), 12) AS a \gset
		SELECT count(*) FROM ipam.release_ip_addresses(ARRAY[:ids]::bigint[]);
		COMMIT;
	}, 1 ]);
is_true_to_ledger('a tight range');

# The last 256 addresses of a range, sixteen clients.
load('sixteen clients take the last 256', 16, [ '-t', 16 ], take => [ sprintf($take, 1, '1'), 1 ]);
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT address), min(address), max(address) FROM ipam.ip_address JOIN range_of AS r ON r.id = range_id AND r.net = 1}),
	'256|256|10.1.0.1|10.1.1.0', 'all 256 were given out, each once');
my ($status, $out, $err) = $node->psql('postgres', '\set VERBOSITY verbose
	SELECT ipam.allocate_ip_addresses((SELECT id FROM range_of WHERE net = 1))');
like($err, qr/IP511: 1 address requested, 0 available in range \d+ \[10\.1\.0\.1, 10\.1\.1\.0\]/, 'the 257th is told that the range is exhausted');

# Repeated calls with the same tokens at the same time.
load('eight clients with 50 tokens', 8, [ '-t', 60 ],
	token => [ q{
		\set n random(1, 50)
		SELECT count(*) FROM ipam.allocate_ip_addresses((SELECT id FROM range_of WHERE net = 3), 2, token => 'token ' || :n);
	}, 1 ]);
is($node->safe_psql('postgres', q{SELECT allocation_token FROM ipam.ip_address JOIN range_of AS r ON r.id = range_id AND r.net = 3 GROUP BY 1 HAVING count(*) <> 2}),
	'', 'each token has its two addresses and no more');

is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');
$node->stop;
done_testing();
