# From version 1.0 to 1.1: the update makes the objects of a new installation, and the conversion builds the
# occupancy of a store of any size while others write to it, whatever ends it on the way.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Staged;

my $rows = $ENV{IPAM_CONVERSION_ROWS} || 120_000;
my $size = int($rows / 12); # of each of twelve full ranges

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', "restart_after_crash = on\nmax_wal_size = 4GB\njit = off\n");
$node->start;
sub sql { return $node->safe_psql(@_) }

# The lines that only one of two texts has.
sub differences
{
	my %lines;
	$lines{$_}++ for split /\n/, $_[0];
	$lines{$_}-- for split /\n/, $_[1];
	return join "\n", grep { $lines{$_} } sort keys %lines;
}

# --- the objects ----------------------------------------------------------------------------------

# Everything that the catalogs say of the members of the extension, a line for each.
my $objects = q{
	WITH member AS (
		SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'ipam'
	)
	SELECT concat_ws(' | ', pg_describe_object(m.classid, m.objid, 0), obj_description(m.objid, m.classid::regclass::name),
		(SELECT md5(pg_get_functiondef(p.oid)) || ' ' || array_to_string(p.proacl, ',') FROM pg_proc AS p WHERE m.classid = 'pg_proc'::regclass AND p.oid = m.objid AND p.prokind <> 'a'),
		(SELECT concat_ws(' ', array_to_string(c.relacl, ','), array_to_string(c.reloptions, ','), CASE WHEN c.relkind = 'v' THEN md5(pg_get_viewdef(c.oid)) END,
			(SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)), ', ' ORDER BY a.attnum)
			 FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0),
			(SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid),
			(SELECT string_agg(pg_get_indexdef(indexrelid) || ' ' || coalesce(obj_description(indexrelid, 'pg_class'), ''), ', ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = c.oid),
			(SELECT string_agg(pg_get_triggerdef(oid) || ' ' || tgenabled::text, ', ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal))
		 FROM pg_class AS c WHERE m.classid = 'pg_class'::regclass AND c.oid = m.objid))
	FROM member AS m
	UNION ALL
	SELECT concat_ws(' ', 'type', t.oid::regtype, t.typtype::text, t.typnotnull, format_type(nullif(t.typbasetype, 0), t.typtypmod), array_to_string(t.typacl, ','),
		(SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
		(SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint WHERE contypid = t.oid),
		(SELECT concat_ws(' ', format_type(rngsubtype, NULL), rngmultitypid::regtype, rngsubopc, rngcanonical, rngsubdiff) FROM pg_range WHERE rngtypid = t.oid))
	FROM member AS m JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
	UNION ALL
	SELECT concat_ws(' ', 'operator', o.oid::regoperator, o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanhash, o.oprcanmerge)
	FROM member AS m JOIN pg_operator AS o ON m.classid = 'pg_operator'::regclass AND o.oid = m.objid
	UNION ALL
	SELECT concat_ws(' ', 'support', f.opfname, pg_describe_object('pg_amop'::regclass, a.oid, 0)) FROM member AS m JOIN pg_opfamily AS f ON m.classid = 'pg_opfamily'::regclass AND f.oid = m.objid JOIN pg_amop AS a ON a.amopfamily = f.oid
	UNION ALL
	SELECT concat_ws(' ', 'support', f.opfname, pg_describe_object('pg_amproc'::regclass, a.oid, 0)) FROM member AS m JOIN pg_opfamily AS f ON m.classid = 'pg_opfamily'::regclass AND f.oid = m.objid JOIN pg_amproc AS a ON a.amprocfamily = f.oid
	UNION ALL
	SELECT concat_ws(' ', 'sequence', s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
	FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid WHERE c.relnamespace = 'ipam'::regnamespace
	UNION ALL -- what pg_dump takes for given
	SELECT concat_ws(' ', 'first rights', pg_describe_object(p.classoid, p.objoid, p.objsubid), array_to_string(p.initprivs, ','))
	FROM member AS m JOIN pg_init_privs AS p ON p.classoid = m.classid AND p.objoid = m.objid
	UNION ALL
	SELECT concat_ws(' ', 'dumped', c.table::regclass, c.condition) FROM pg_extension AS e, unnest(e.extconfig, e.extcondition) AS c ("table", condition) WHERE e.extname = 'ipam'
	UNION ALL
	SELECT format('conversion %s %s %s %s', from_version, to_version, position, batch_function) FROM ipam.schema_conversion_step
	ORDER BY 1};

sql('postgres', 'CREATE DATABASE fresh');
sql('fresh', 'CREATE EXTENSION ipam CASCADE');
my $installed = sql('fresh', 'SELECT ipam.get_ipam_version()');
sql('postgres', 'CREATE DATABASE updated');
sql('updated', q{CREATE EXTENSION ipam VERSION '1.0' CASCADE; ALTER EXTENSION ipam UPDATE});
is(differences(sql('fresh', $objects), sql('updated', $objects)), '', 'the update makes the objects of a new installation');
sql('postgres', 'CREATE DATABASE escaped');
sql('escaped', q{SET standard_conforming_strings = off; CREATE EXTENSION ipam VERSION '1.0' CASCADE; ALTER EXTENSION ipam UPDATE});
is(differences(sql('fresh', $objects), sql('escaped', $objects)), '', 'also where standard_conforming_strings was off when the store was made');

# --- the rights -----------------------------------------------------------------------------------

# What PUBLIC, the groups and a role of somebody's own may do in the schema, a line for each object.
my $rights = q{
	WITH grantee AS (SELECT 'public' AS role UNION ALL SELECT role_name FROM ipam.security_groups() UNION ALL SELECT 'operator')
	SELECT p.oid::regprocedure::text COLLATE "C", (SELECT string_agg(g.role, ' ' ORDER BY g.role COLLATE "C") FROM grantee AS g WHERE has_function_privilege(g.role, p.oid, 'EXECUTE'))
	FROM pg_proc AS p WHERE p.pronamespace = 'ipam'::regnamespace
	UNION ALL
	SELECT c.oid::regclass::text, (SELECT string_agg(g.role || ' ' || k.privilege, ' ' ORDER BY g.role COLLATE "C", k.privilege)
		FROM grantee AS g, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS k (privilege) WHERE has_table_privilege(g.role, c.oid, k.privilege))
	FROM pg_class AS c WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind IN ('r', 'v')
	UNION ALL
	SELECT n.nspname, (SELECT string_agg(g.role, ' ' ORDER BY g.role COLLATE "C") FROM grantee AS g WHERE has_schema_privilege(g.role, n.oid, 'USAGE')) FROM pg_namespace AS n WHERE n.nspname = 'ipam'
	ORDER BY 1};
sql('postgres', 'CREATE DATABASE granted');
sql('granted', q{CREATE EXTENSION ipam VERSION '1.0' CASCADE; CALL ipam.provision();
	CREATE ROLE operator; CREATE ROLE planner; CREATE ROLE asm IN ROLE ipam_asm_administrators;
	GRANT USAGE ON SCHEMA ipam TO planner; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ipam TO planner;
	GRANT ALL ON ALL TABLES IN SCHEMA ipam TO planner;
	INSERT INTO ipam.custom_field (name) VALUES ('Floor'); INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (9, 'dhcp2');
	CREATE FUNCTION ipam.own() RETURNS integer LANGUAGE sql RETURN 1;
	REVOKE ALL ON FUNCTION ipam.own() FROM PUBLIC; GRANT EXECUTE ON FUNCTION ipam.own(), ipam.raise_fault(text, text, text, text) TO operator});
my %before = map { ($_ => 1) } split /\n/, sql('granted', $rights);
sql('granted', 'ALTER EXTENSION ipam UPDATE');
my %after = map { ($_ => 1) } split /\n/, sql('granted', $rights);
is(join("\n", grep { !$after{$_} } sort keys %before), '', 'the update leaves everybody the rights he has');
my $renames = q{BEGIN; SET LOCAL ROLE %s; UPDATE ipam.custom_field SET name = 'Storey' WHERE name = 'Floor';
	UPDATE ipam.custom_field_value SET value = 'dhcp3' WHERE value = 'dhcp1' RETURNING value; DELETE FROM ipam.custom_field_value WHERE value = 'dhcp2' RETURNING value;
	DELETE FROM ipam.custom_field WHERE name = 'Storey' RETURNING name; ROLLBACK};
is(sql('granted', sprintf $renames, 'asm'), "dhcp3\ndhcp2\nStorey", 'writers rename and delete custom fields before the conversion');
sql('granted', 'CALL ipam.convert_schema()');
is(sql('granted', sprintf $renames, 'planner'), "dhcp3\ndhcp2\nStorey", "and so does a role of somebody's own that was granted its rights before the update");
is(sql('granted', q{SELECT count(*) FROM pg_init_privs AS p, aclexplode(p.initprivs) AS a WHERE a.grantee::regrole::text IN (SELECT role_name FROM ipam.security_groups() UNION ALL SELECT 'operator')}), 0,
	'nobody has rights from the first that he was granted');
sql('postgres', 'CREATE DATABASE granted_again');
my $granted = PostgreSQL::Test::Utils::tempdir() . '/granted.sql';
$node->command_ok([ 'pg_dump', '-f', $granted, $node->connstr('granted') ], 'the updated store is saved');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $granted, $node->connstr('granted_again') ], 'and restored');
is(differences(sql('granted_again', $rights), sql('granted', $rights)), '', 'with the rights of everybody');
cmp_ok(sql('granted_again', q{SELECT count(*) FROM pg_proc AS p WHERE p.pronamespace = 'ipam'::regnamespace AND has_function_privilege('ipam_users', p.oid, 'EXECUTE')}), '>', 200, 'and of users, too');

sql('postgres', 'CREATE DATABASE base');
sql('base', q{CREATE EXTENSION ipam VERSION '1.0' CASCADE; CALL ipam.provision()});

# Full ranges of both families, one with gaps, and small ones that are not worth occupancy.
sql('base', qq{
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'site'), ('2001:db8::/32', 'six');
	INSERT INTO ipam.ip_range (network, start_address, end_address)
	SELECT '10.0.0.0/8', '10.0.0.1'::inet + n * 1048576, '10.0.0.1'::inet + n * 1048576 + $size - 1 FROM generate_series(0, 9) AS n;
	INSERT INTO ipam.ip_range (network, start_address, end_address)
	SELECT '2001:db8::/32', '2001:db8::1:0'::inet + n * 1048576, '2001:db8::1:0'::inet + n * 1048576 + $size - 1 FROM generate_series(0, 1) AS n;
	INSERT INTO ipam.ip_range (network, start_address, end_address)
	SELECT '10.0.0.0/8', '10.200.0.1'::inet + n * 256, '10.200.0.100'::inet + n * 256 FROM generate_series(0, 99) AS n;
	SET session_replication_role = replica;
	INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
	SELECT r.start_address + n, r.id, r.virtualization_type FROM ipam.ip_range AS r, generate_series(0, r.end_address - r.start_address) AS n
	WHERE r.id <> 3 OR n % 5000 <> 17});
sql('base', 'VACUUM ANALYZE');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/base.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('base') ], 'a store of version 1.0 is saved');
is(sql('base', 'SELECT string_agg(host(f), $$ $$) FROM ipam.get_free_ip_addresses(3, count => 2) AS f'), '10.32.0.18 10.32.19.154', 'the new library serves the old objects');

# Somebody's trigger is fired at the end of a transaction.
sql('base', q{CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE CONSTRAINT TRIGGER look AFTER UPDATE ON ipam.ip_range DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.look()});
sql('base', q{UPDATE ipam.ip_range SET quarantine = '300000 years' WHERE id = 5; UPDATE ipam.ip_range SET quarantine = '7 days' WHERE id = 6;
	UPDATE ipam.ip_range SET quarantine = interval '400 days' - interval '1 year' WHERE id = 7;
	UPDATE ipam.ip_range SET quarantine = make_interval(days => 106751991, hours => -2147483647) + make_interval(hours => -414564000) WHERE id = 8;
	INSERT INTO ipam.released_address VALUES (6, '10.80.0.1', '294276-12-31'), (6, '10.80.0.2', '4713-01-01 BC'), (6, '10.80.0.3', '2026-01-01 00:00+00')});
sql('base', 'ALTER EXTENSION ipam UPDATE');
is(sql('base', 'SELECT id, quarantine FROM ipam.ip_range WHERE quarantine IS NOT NULL ORDER BY 1'), "5|1000 years\n6|7 days\n7|-1 years +400 days\n8|1000 years", 'a quarantine that is too long becomes the longest one');
is(sql('base', q{SELECT address, released_at AT TIME ZONE 'UTC' FROM ipam.released_address ORDER BY 1}), "10.80.0.1|infinity\n10.80.0.2|-infinity\n10.80.0.3|2026-01-01 00:00:00", 'a release out of the calendar is never over, or at once');
sql('base', 'DELETE FROM ipam.released_address');
sql('base', 'DROP FUNCTION public.look() CASCADE; UPDATE ipam.ip_range SET quarantine = NULL WHERE quarantine IS NOT NULL');
is(sql('base', 'SELECT * FROM ipam.get_schema_conversion_info()'), "t|1.0|$installed|$installed", 'the store is to be converted');

# --- the data -------------------------------------------------------------------------------------

sub is_converted
{
	my ($database, $how) = @_;
	is(sql($database, 'SELECT * FROM ipam.get_schema_conversion_info()'), "f|$installed||$installed", "$how: the store has the new version");
	is(sql($database, 'SELECT * FROM ipam.check_occupancy()'), '', "$how: nothing is said to be full that is not");
	is(sql($database, q{SELECT count(*) FROM ipam.ip_range AS r WHERE r.id <= 12 AND NOT EXISTS (
		SELECT FROM ipam.occupancy AS o WHERE o.range_id = r.id AND o.is_confirmed)}), 0, "$how: each large range has occupancy");
	is(sql($database, 'SELECT count(*) FROM ipam.occupancy WHERE range_id > 12 OR NOT is_confirmed'), 0, "$how: no other one, and nothing is left over");
}
my $stretches = 'SELECT range_id, first_address, last_address FROM ipam.occupancy WHERE is_confirmed ORDER BY 1, 2';

sql('postgres', 'CREATE DATABASE undisturbed TEMPLATE base');
my $began = time;
sql('undisturbed', 'CALL ipam.convert_schema()');
my $took = time - $began;
is_converted('undisturbed', 'undisturbed');
my $converted = sql('undisturbed', $stretches);
sql('undisturbed', 'CALL ipam.rebuild_occupancy()');
is($converted, sql('undisturbed', $stretches), 'undisturbed: the same stretches that rebuild_occupancy() makes');
$began = time;
sql('undisturbed', 'CREATE INDEX ON ipam.ip_address (address)');
my $index_took = time - $began;
note(sprintf 'conversion: %d addresses/s, CREATE INDEX: %d addresses/s, ratio %.2f', $rows / $took, $rows / $index_took, $index_took / $took);

# --- while others write, killed twice ---------------------------------------------------------------

sql('postgres', 'CREATE DATABASE busy TEMPLATE base');
sql('postgres', 'ALTER DATABASE busy SET ipam.work_share = 2');
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/release", qq{
	\\set n random(0, 9)
	\\set at random(0, $size / 20)
	DELETE FROM ipam.ip_address WHERE address_space_id = 1 AND address = '10.0.0.1'::inet + :n * 1048576 + :at;
});
append_to_file("$folder/record", qq{
	\\set n random(0, 9)
	\\set at random(0, $size / 20)
	INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.1'::inet + :n * 1048576 + :at) ON CONFLICT DO NOTHING;
});
my ($longest, $written) = (0, 0);
sub start_writing
{
	my ($seconds) = @_;
	return IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-j', '2', '-T', $seconds, '-l', "--log-prefix=$folder/log" . time, '-h', $node->host, '-p', $node->port,
		'-f', "$folder/release", '-f', "$folder/record", 'busy' ], '>', '/dev/null', '2>', '/dev/null');
}
sub wait_until
{
	my ($condition) = @_;
	for (1 .. 3000)
	{
		return 1 if sql('busy', "SELECT $condition") eq 't';
		usleep(20_000);
	}
	return 0;
}
sub interrupted { return $node->poll_query_until('busy', q{SELECT status = 'interrupted' FROM ipam.async_session_status WHERE kind = 'SchemaConversion'}) }
my $writing = start_writing(60);
sql('busy', 'DO $$ DECLARE session bigint; BEGIN
	CALL ipam.initialize_async_schema_conversion(session); CALL ipam.start_async_schema_conversion(session); END $$');
my $done = q{coalesce((SELECT rows_done FROM ipam.schema_conversion_progress WHERE position = 2), 0)};
ok(wait_until("$done > 0"), 'the conversion is on its way');
kill 'KILL', sql('busy', 'SELECT pid FROM ipam.async_session_status WHERE pid IS NOT NULL');
$writing->kill_kill;
interrupted();
my $first = sql('busy', "SELECT $done");
cmp_ok($first, '<', $rows, 'and was killed in the middle');
$writing = start_writing(60);
sql('busy', 'CALL ipam.resume_async_session(' . sql('busy', 'SELECT max(id) FROM ipam.async_session') . ')');
ok(wait_until("$done > $first"), 'it goes on after kill -9');
$node->stop('immediate');
$writing->kill_kill;
$node->start;
interrupted();
cmp_ok(sql('busy', "SELECT $done"), '<', $rows, 'and was stopped in the middle again');
sql('postgres', 'ALTER DATABASE busy RESET ipam.work_share');
$writing = start_writing(60);
sql('busy', 'CALL ipam.resume_async_session(' . sql('busy', 'SELECT max(id) FROM ipam.async_session') . ')');
ok(wait_until(q{status = 'completed' FROM ipam.async_session_status WHERE kind = 'SchemaConversion'}), 'and after an immediate shutdown') or diag(sql('busy', 'TABLE ipam.async_session_status'));
usleep(500_000);
$writing->kill_kill;
for my $line (map { split /\n/, slurp_file($_) } glob "$folder/log*.*")
{
	my $milliseconds = (split ' ', $line)[2] / 1000;
	$longest = $milliseconds if $milliseconds > $longest;
	$written++;
}
note(sprintf '%d writer statements, the longest took %d ms', $written, $longest);
is_converted('busy', 'busy');
is(sql('busy', q{
	SELECT r.id FROM ipam.ip_range AS r, LATERAL (SELECT count(*) AS free FROM ipam.get_free_ip_addresses(r.id, count => NULL)) AS f,
	    LATERAL (SELECT count(*) AS used FROM ipam.ip_address AS a WHERE a.range_id = r.id) AS u
	WHERE f.free + u.used <> ipam.address_count(r.extent)}), '', 'busy: the search finds what plain SQL finds');

# --- a dump of the old version ----------------------------------------------------------------------

sql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'a dump of 1.0 is restored into an installation of 1.1');
is(sql('restored', 'SELECT is_required FROM ipam.get_schema_conversion_info()'), 't', 'restored: the store is to be converted');
sql('restored', 'CALL ipam.convert_schema()');
is_converted('restored', 'restored');
is(sql('restored', $stretches), $converted, 'restored: as the one that was updated');

$node->stop;
done_testing();
