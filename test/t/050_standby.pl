# On a streaming hot standby everything that reads answers as on the primary, and everything that writes fails
# with PostgreSQL's own error. Nobody is forgotten: the functions come from the catalog.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;
use Store;

my $primary = Staged->node('primary', allows_streaming => 1);
$primary->append_conf('postgresql.conf', "hot_standby_feedback = on\nmax_standby_streaming_delay = -1");
$primary->start;
$primary->safe_psql('postgres', 'CREATE DATABASE plan');
fill_store($primary, 'plan');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# --- what is written arrives ----------------------------------------------------------------------------

my $free = q{SELECT string_agg(host(f), ' ') FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id, count => 3) AS f WHERE r.description = 'full'};
is($standby->safe_psql('plan', $free), '198.18.20.20 198.18.41.41', 'free addresses on the standby, with its occupancy');
$primary->safe_psql('plan', q{INSERT INTO ipam.ip_address (address) VALUES ('198.18.20.20'); DELETE FROM ipam.ip_address WHERE address = '198.18.30.30'});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('plan', $free), '198.18.30.30 198.18.41.41', 'what the primary records and releases arrives');
same_rows(store_rows($standby, 'plan'), store_rows($primary, 'plan'), 'standby');
is_sound($standby, 'plan', 'standby');

# --- every function -------------------------------------------------------------------------------------

# A call of each, with arguments that fit the sample plan: by the argument's name, else by its type.
my $calls = q{
	WITH sample (name, type, value) AS (VALUES
		(NULL, 'bigint', '1'), (NULL, 'integer', '4'), (NULL, 'numeric', '5'), (NULL, 'text', $$'10.1.0.20'$$), (NULL, 'boolean', 'false'), (NULL, 'inet', $$'10.1.0.20'$$),
		(NULL, 'cidr', $$'10.1.0.0/23'$$), (NULL, 'jsonb', $$'{"id": 1}'$$), (NULL, 'interval', $$'1 day'$$), (NULL, 'timestamp with time zone', $$'2020-01-01'$$),
		(NULL, 'bigint[]', $$'{1}'$$), (NULL, 'integer[]', $$'{10}'$$), (NULL, 'text[]', $$'{address}'$$), (NULL, 'inet[]', $$'{10.1.0.20}'$$), (NULL, 'macaddr', 'NULL'),
		(NULL, 'ipam.inetrange', $$'[10.1.0.10,10.1.0.40]'$$), (NULL, 'ipam.inetmultirange', $$'{[10.1.0.10,10.1.0.40]}'$$),
		('prefix_length', 'integer', '28'), ('start_address', 'inet', 'NULL'), ('end_address', 'inet', 'NULL'), ('first_address', 'inet', $$'10.1.0.10'$$), ('last_address', 'inet', $$'10.1.0.40'$$),
		('exclude', 'inet[]', 'NULL'), ('count', 'integer', '3'), ('object_type', 'text', $$'subnet'$$), ('transfer_type', 'text', $$'ip_address'$$), ('consecutive', 'boolean', 'false'),
		('path', 'text[]', 'NULL'), ('logical_group_id', 'bigint', '2'), ('properties', 'jsonb', $$'{}'$$), ('custom_fields', 'jsonb', $$'{}'$$), ('token', 'text', 'NULL'),
		('state', 'text', $$'In-Use'$$), ('device_type', 'text', $$'Host'$$), ('managed_by', 'text', $$'IPAM'$$), ('managed_by_entity', 'text', $$'Localhost'$$),
		('name', 'text', $$'MaximumUtilizationThreshold'$$), ('value', 'text', $$'80'$$), ('period_start', 'timestamp with time zone', $$'2020-01-01'$$))
	SELECT p.proname, p.prokind, p.provolatile, format('%s(%s)', p.oid::regproc, (
		SELECT string_agg(coalesce(s.value, 'NULL') || '::' || t.type, ', ' ORDER BY t.n)
		FROM (SELECT a.n, format_type(a.type, NULL) AS type, p.proargnames[a.n] AS name FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, n)) AS t
		LEFT JOIN LATERAL (SELECT s.value FROM sample AS s WHERE s.type = t.type AND coalesce(s.name, t.name) = t.name ORDER BY s.name LIMIT 1) AS s ON true))
	FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ipam') AND p.prokind IN ('f', 'p') AND p.pronamespace = 'ipam'::regnamespace
	  AND p.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype) AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[])
	ORDER BY p.oid::regprocedure::text};
my @calls = map { [ split /\|/ ] } split /\n/, $primary->safe_psql('plan', $calls);

# All in one session; gives for each what came out, or the error with its SQLSTATE.
sub outcomes
{
	my ($node, @statements) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/calls.sql';
	append_to_file($file, "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\nSET client_min_messages = error;\nSET statement_timeout = '60s';\n"
		. join '', map { "\\echo ---\n$_;\n" } @statements);
	my ($out, $err);
	IPC::Run::run([ 'psql', '-X', '-q', '-A', '-t', '-f', $file, $node->connstr('plan') ], '>', \$out, '2>&1');
	$out =~ s/^psql:[^ ]* //mg;
	$out =~ s/^LOCATION: .*\n//mg;
	my (undef, @outcomes) = split /^---\n/m, $out;
	return @outcomes;
}

my @reading = grep { $_->[2] ne 'v' } @calls;
my @statements = map { "SELECT $_->[3]" } @reading;
my @there = outcomes($primary, @statements);
$primary->wait_for_catchup($standby);
my @here = outcomes($standby, @statements);
my @failed = grep { $there[$_] =~ /^ERROR:/ } 0 .. $#reading;
cmp_ok(scalar @reading, '>', 120, 'there are functions that read');
cmp_ok(scalar @failed, '<', @reading / 5, 'most of them have an answer to these arguments');
note("$reading[$_][3]: $there[$_]") for @failed;
is_deeply([ map { "$reading[$_][3]: $here[$_]" } grep { $here[$_] ne $there[$_] } 0 .. $#reading ], [], 'each answers on the standby as on the primary');

my @views = split /\n/, $primary->safe_psql('plan', q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'ipam'::regnamespace AND relkind = 'v'});
@statements = map { "SELECT count(*) FROM $_" } @views;
is_deeply([ outcomes($standby, @statements) ], [ outcomes($primary, @statements) ], 'so does each of ' . @views . ' views');

# Those that do not promise to read only: an answer, an error about the arguments, or that of a standby.
my @writing = grep { $_->[2] eq 'v' } @calls;
my @outcomes = outcomes($standby, map { ($_->[1] eq 'p' ? 'CALL ' : 'SELECT ') . $_->[3] } @writing);
is_deeply([ map { "$writing[$_][3]: $outcomes[$_]" } grep { $outcomes[$_] =~ /^ERROR:/ && $outcomes[$_] =~ /^ERROR:  (XX|55000)/ } 0 .. $#writing ], [],
	'no other function fails in a way of its own');
note("$writing[$_][3]: " . ($outcomes[$_] =~ /^(.*)/)[0]) for 0 .. $#writing;
my @operations = split /\n/, <<'END';
SELECT ipam.allocate_ip_addresses(1)
SELECT ipam.allocate_ip_address_pair(1, (SELECT id FROM ipam.ip_range WHERE family(start_address) = 6 LIMIT 1))
SELECT ipam.release_ip_addresses('{1}')
SELECT ipam.move_ip_address(1, 2, NULL)
SELECT ipam.move_ip_addresses('{1}', 2)
SELECT ipam.purge_released_addresses()
SELECT ipam.create_range('192.168.1.200', '192.168.1.210')
SELECT ipam.delete_range(1)
SELECT ipam.delete_subnet(1)
SELECT ipam.delete_block(1)
SELECT ipam.delete_address_space(2)
SELECT ipam.remap_range(5)
SELECT ipam.remap_subnet(5)
SELECT ipam.set_common_property('MaximumUtilizationThreshold', '80')
SELECT ipam.set_custom_field_association(9, 8, '{{kea1,Kea}}')
SELECT ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "n"}]')
SELECT ipam.bulk_update_ip_ranges('[{"id": 1, "description": "n"}]')
SELECT ipam.bulk_update_ip_subnets('[{"id": 1, "description": "n"}]')
SELECT ipam.bulk_update_ip_blocks('[{"id": 1, "description": "n"}]')
SELECT ipam.bulk_update_address_spaces('[{"id": 2, "description": "n"}]')
SELECT ipam.import_csv('ip_address', E'address\n10.1.0.99\n')
SELECT ipam.import_json('ip_address', '[{"address": "10.1.0.99"}]')
CALL ipam.rebuild_occupancy()
CALL ipam.collect_utilization()
CALL ipam.check_expiry()
CALL ipam.purge_utilization_data('2020-01-01')
CALL ipam.provision()
CALL ipam.convert_schema()
CALL ipam.initialize_async_provisioning()
CALL ipam.initialize_async_schema_conversion()
CALL ipam.cancel_async_session(1)
INSERT INTO ipam.ip_address (address) VALUES ('198.18.41.41')
UPDATE ipam.ip_range SET description = 'other'
DELETE FROM ipam.ip_subnet
END
@outcomes = outcomes($standby, @operations);
is_deeply([ map { "$operations[$_]: $outcomes[$_]" } grep { $outcomes[$_] !~ /^ERROR:  25006: cannot execute .* (in a read-only transaction|during recovery)/ } 0 .. $#operations ], [],
	"each operation is refused with PostgreSQL's own error");
my $proposal = q{BEGIN READ ONLY; SELECT ipam.propose_occupancy(1, '10.1.0.10', '10.1.0.40')};
like((outcomes($primary, $proposal))[0], qr/cannot execute propose_occupancy\(\) in a read-only transaction/, 'a read-only transaction of the primary writes nothing either');

# --- promotion ------------------------------------------------------------------------------------------

$standby->promote;
is($standby->safe_psql('plan', q{SELECT host(address) FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id) AS a WHERE r.description = 'full'}), '198.18.30.30', 'after promotion it goes on where the primary was');
is_sound($standby, 'plan', 'promoted');
$standby->stop;
$primary->stop;
done_testing();
