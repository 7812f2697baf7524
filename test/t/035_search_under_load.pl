# The free search reads pages of the index by itself. While others insert, delete, move and vacuum, so that
# pages split, empty and are used again, each answer is what plain SQL finds in the same snapshot.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('search');
$node->append_conf('postgresql.conf', "jit = off\nfsync = off\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION ipam CASCADE;
	CALL ipam.provision();
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'four'), ('2001:db8::/64', 'six');
	INSERT INTO ipam.ip_range (start_address, end_address)
	VALUES ('10.0.8.0', '10.0.15.255'), ('10.0.16.0', '10.0.16.255'), ('2001:db8::1:0', '2001:db8::1:7ff');
	CREATE VIEW public.free_by_sql AS
	SELECT r.id, r.start_address + i AS address
	FROM ipam.ip_range AS r, generate_series(0, r.end_address - r.start_address) AS i
	WHERE NOT EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.range_id = r.id AND a.address = r.start_address + i);
	CREATE FUNCTION public.compare(range_id bigint) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		difference text;
	BEGIN
		SELECT string_agg(address::text, ' ') INTO difference
		FROM (SELECT address FROM public.free_by_sql WHERE id = range_id) AS s
		    FULL JOIN ipam.get_free_ip_addresses(range_id, count => NULL) AS f (address) USING (address)
		WHERE s IS NULL OR f IS NULL;
		IF difference IS NOT NULL THEN
			RAISE EXCEPTION 'range %: %', range_id, difference;
		END IF;
	END
	$$;
});

# Runs of addresses come and go, so that whole pages of the index fill and empty.
my $fill = q{
	\set first random(0, 1900)
	\set length random(1, 150)
	INSERT INTO ipam.ip_address (address) SELECT '10.0.8.0'::inet + i FROM generate_series(:first, :first + :length) AS i ON CONFLICT DO NOTHING;
	INSERT INTO ipam.ip_address (address) SELECT '2001:db8::1:0'::inet + i FROM generate_series(:first, :first + :length) AS i ON CONFLICT DO NOTHING;
};
my $clear = q{
	\set first random(0, 1900)
	\set length random(1, 300)
	DELETE FROM ipam.ip_address WHERE address IN (SELECT a.address FROM ipam.ip_address AS a WHERE a.address BETWEEN '10.0.8.0'::inet + :first AND '10.0.8.0'::inet + :first + :length FOR UPDATE SKIP LOCKED);
	DELETE FROM ipam.ip_address WHERE address IN (SELECT a.address FROM ipam.ip_address AS a WHERE a.address BETWEEN '2001:db8::1:0'::inet + :first AND '2001:db8::1:0'::inet + :first + :length FOR UPDATE SKIP LOCKED);
};
# New versions of the same keys; a rolled back insert.
my $churn = q{
	\set at random(0, 2047)
	UPDATE ipam.ip_address SET notes = md5(random()::text), mac_address = '08:00:2b:01:02:03'::macaddr WHERE address = '10.0.8.0'::inet + :at;
	BEGIN;
	INSERT INTO ipam.ip_address (address) VALUES ('10.0.8.0'::inet + :at) ON CONFLICT DO NOTHING;
	ROLLBACK;
};
my $compare = q{
	\set range random(1, 3)
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT public.compare(:range);
	SELECT public.compare(:range);
	COMMIT;
};
my $vacuum = q{
	VACUUM (TRUNCATE false) ipam.ip_address;
};

my %scripts = (fill => [ $fill, 10 ], clear => [ $clear, 10 ], churn => [ $churn, 20 ], compare => [ $compare, 20 ], vacuum => [ $vacuum, 1 ]);
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
ok($ok, 'every answer was what plain SQL found in the same snapshot') or diag($err);
my ($compared) = $out =~ m{compare.*?\n.*?(\d+) transactions}s;
cmp_ok($compared, '>', 20, 'and many were compared');
note($out);

is($node->safe_psql('postgres', 'SELECT public.compare(id) FROM ipam.ip_range') =~ s/\s//gr, '', 'also at rest');
$node->stop;
done_testing();
