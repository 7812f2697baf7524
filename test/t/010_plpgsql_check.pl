# plpgsql_check finds nothing in the extension's functions: no missing column, no unused variable, no
# injectable EXECUTE.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ipam CASCADE; CALL ipam.provision()');
if ($node->psql('postgres', 'CREATE EXTENSION plpgsql_check') != 0)
{
	$node->stop;
	plan skip_all => 'plpgsql_check is not installed for this server';
}
my $functions = q{SELECT p.oid, p.oid::regprocedure AS name, p.prorettype FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
	WHERE l.lanname = 'plpgsql' AND p.pronamespace = 'ipam'::regnamespace};
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM ($functions) AS f"), '>', 10, 'there is something to check');
is($node->safe_psql('postgres', qq{
	SELECT f.name, coalesce(t.tgrelid::regclass::text, ''), c
	FROM ($functions) AS f
	LEFT JOIN (SELECT tgfoid, tgrelid, max(tgoldtable) AS tgoldtable, max(tgnewtable) AS tgnewtable FROM pg_trigger GROUP BY 1, 2) AS t ON t.tgfoid = f.oid
	CROSS JOIN LATERAL plpgsql_check_function(f.oid, coalesce(t.tgrelid, 0), extra_warnings => true,
		security_warnings => true,
		oldtable => t.tgoldtable, newtable => t.tgnewtable) AS c
	WHERE (f.prorettype <> 'trigger'::regtype OR t.tgrelid IS NOT NULL)
	  AND c NOT LIKE '%never read variable "refused"' -- takes the value that raise_fault() never returns
	ORDER BY 1, 2}),
	'', 'plpgsql_check finds nothing');
$node->stop;
done_testing();
