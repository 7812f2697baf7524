# plpgsql_check finds nothing in the extension's functions: no missing column, no unused variable, no
# injectable EXECUTE, no wrong volatility.
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
# Newer versions look at volatility from below: raise_fault(), which never returns, is volatile so that no planner
# calls it ahead of time, and format() of texts is stable only because of what it does with other types. The
# variable "refused" takes the value that raise_fault() never returns.
is($node->safe_psql('postgres', qq{
	SELECT f.name, coalesce(t.tgrelid::regclass::text, ''), c.lineno, c.message, c.detail, c.query
	FROM ($functions) AS f
	LEFT JOIN (SELECT tgfoid, tgrelid, max(tgoldtable) AS tgoldtable, max(tgnewtable) AS tgnewtable FROM pg_trigger GROUP BY 1, 2) AS t ON t.tgfoid = f.oid
	CROSS JOIN LATERAL plpgsql_check_function_tb(f.oid, coalesce(t.tgrelid, 0), fatal_errors => false, extra_warnings => true,
		security_warnings => true,
		oldtable => t.tgoldtable, newtable => t.tgnewtable) AS c
	WHERE (f.prorettype <> 'trigger'::regtype OR t.tgrelid IS NOT NULL)
	  AND c.message <> 'never read variable "refused"'
	  AND c.message !~ '^routine is marked as \\w+, but expression is \\w+\$'
	  AND f.name <> 'ipam.refuse_unknown(text,bigint)'::regprocedure -- only raises a fault: stable functions may call it
	ORDER BY 1, 2}),
	'', 'plpgsql_check finds nothing');
# What it says of performance beside casts of numbers: functions that lock rows are volatile whatever it thinks.
is($node->safe_psql('postgres', qq{
	SELECT f.name, c.message
	FROM ($functions) AS f CROSS JOIN LATERAL plpgsql_check_function_tb(f.oid, performance_warnings => true) AS c
	WHERE f.prorettype <> 'trigger'::regtype AND c.level = 'performance' AND c.sqlstate <> '42804'
	  AND f.name::text !~ '^ipam.hold_' AND c.message NOT LIKE 'detected "SELECT expr INTO %' -- of newer versions
	ORDER BY 1, 2}),
	'', 'nor in their volatility');
# The statements of these are put together from names that format() quotes; test/hostile tries to get out of the quotes.
is($node->safe_psql('postgres', qq{SELECT string_agg(f.oid::regproc::text, ' ' ORDER BY f.oid::regproc::text COLLATE "C")
	FROM ($functions) AS f JOIN pg_proc AS p USING (oid) WHERE p.prosrc ~ 'security_warnings *= *off'}),
	join(' ', map { "ipam.$_" } qw(add_netbox_fields add_netbox_values bulk_update export_csv export_json import_netbox load_batch load_rows
		logical_group_members logical_group_nodes logical_group_unmapped)),
	'these, and no others, are let off the search for injections');
$node->stop;
done_testing();
