# Every released version: the new library serves its objects until they are updated, answers as the new version does, and
# its store converts to what a fresh one is. There is no way back, and a store that is newer than the extension is told.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', "jit = off\nautovacuum = off");
$node->start;
sub sql { return $node->safe_psql(@_) }

sub error_of
{
	my ($database, $statement) = @_;
	my (undef, undef, $error) = $node->psql($database, "\\set VERBOSITY verbose\n$statement");
	return $error;
}

# The day's work, as a script that prints all answers; the same in all versions.
my $work = q{
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('172.30.0.0/16', 'work');
	INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('172.30.0.1', '172.30.255.254');
	INSERT INTO ipam.ip_address (address) SELECT '172.30.0.1'::inet + i FROM generate_series(0, 59999) AS i;
	SELECT max(id) AS range FROM ipam.ip_range \gset
	SELECT * FROM ipam.get_free_ip_addresses(:range);
	SELECT host(f) FROM ipam.get_free_ip_addresses(:range, count => 3) AS f;
	SELECT address FROM ipam.allocate_ip_addresses(:range, 5, device_name => 'a', token => 't');
	SELECT address FROM ipam.allocate_ip_addresses(:range, 2, direction => 'Highest', consecutive => true);
	SELECT address, device_name FROM ipam.allocate_ip_addresses(:range, 5, token => 't');
	DELETE FROM ipam.ip_address WHERE address IN ('172.30.9.9', '172.30.99.99');
	SELECT address FROM ipam.release_ip_addresses(range_id => :range, addresses => '{172.30.7.7}');
	SELECT * FROM ipam.free_ranges(:range);
	SELECT ipam.count_used_ip_addresses(:range), ipam.is_ip_address_mapped(:range, '172.30.0.5');
	UPDATE ipam.ip_range SET quarantine = '1 day' WHERE id = :range;
	DELETE FROM ipam.ip_address WHERE address = '172.30.50.50';
	SELECT * FROM ipam.free_ranges(:range);
	UPDATE ipam.ip_range SET end_address = '172.30.128.0' WHERE id = :range;
	SELECT count(*) FROM ipam.ip_address WHERE range_id IS NULL AND address << '172.30.0.0/16';
	SELECT * FROM ipam.get_free_ip_subnets_in_subnet((SELECT id FROM ipam.ip_subnet WHERE network = '172.30.0.0/16'), 24, 3);
	SELECT b.network, f FROM ipam.ip_block AS b, LATERAL ipam.get_free_ip_subnets(b.id, masklen(b.network) + 4, 2) AS f ORDER BY 1, 2;
	SELECT * FROM ipam.why_not_free(:range, '172.30.1.1');
	SELECT * FROM ipam.explain_address('10.0.0.1');
	SELECT r.start_address, f.* FROM ipam.ip_range AS r, LATERAL (SELECT count(*), min(f), max(f) FROM ipam.get_free_ip_addresses(r.id, count => 500) AS f) AS f WHERE r.managed_by <> 'MS DHCP' ORDER BY 1, 2, 3;
	SELECT start_address, u.percent_utilized, u.status FROM ipam.range_utilization AS u JOIN ipam.ip_range AS r ON r.id = u.range_id ORDER BY r.id;
	SELECT network, u.percent_utilized, u.status FROM ipam.block_utilization AS u JOIN ipam.ip_block AS b ON b.id = u.block_id ORDER BY b.id;
	SELECT plan, name, used, percent, bar FROM ipam.plan;
	SELECT * FROM ipam.check_plan();
};

sub work
{
	my ($database) = @_;
	my ($status, $out, $error) = $node->psql($database, $work, extra_params => [ '--echo-queries' ], on_error_stop => 0);
	return "$out\n$error" =~ s/psql:<stdin>:\d+: //gr;
}

sub filled
{
	my ($database, $version) = @_;
	sql('postgres', "CREATE DATABASE $database");
	sql($database, 'CREATE EXTENSION ipam' . ($version ? " VERSION '$version'" : '') . ' CASCADE');
	sql($database, 'CALL ipam.provision()');
	sql($database, slurp_file('test/data/sample_plan.sql'));
	return;
}

# All rows of all tables but the sessions; times differ.
sub rows
{
	my ($database, @tables) = @_;
	my $union = join ' UNION ALL ', map {
		"SELECT '$_' AS what, (to_jsonb(t) - '{created_at,modified_at,assigned_at,expires_at,released_at,locked_by}'::text[])::text AS content FROM ipam.$_ AS t"
	} @tables;
	return sql($database, "$union ORDER BY 1, 2") =~ s/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/then/gr;
}

sub differences
{
	my ($one, $other) = @_;
	my %lines;
	$lines{$_}++ for split /\n/, $one;
	$lines{$_}-- for split /\n/, $other;
	return join "\n", map { ($lines{$_} > 0 ? '+ ' : '- ') . $_ } grep { $lines{$_} } sort keys %lines;
}

filled('fresh');
my $installed = sql('fresh', 'SELECT ipam.get_ipam_version()');
my $answers = work('fresh');
unlike($answers, qr/ERROR|FATAL/, 'the day\'s work is done without an error');
my $no_worker = q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ipam occupancy'};
$node->poll_query_until('fresh', $no_worker);
sql('fresh', 'CALL ipam.rebuild_occupancy()');
my @tables = split /\n/, sql('fresh', q{SELECT relname FROM pg_class WHERE relnamespace = 'ipam'::regnamespace AND relkind = 'r' AND relname !~ '^async_|^schema_conversion_progress' ORDER BY 1});
my $fresh = rows('fresh', @tables);

my @versions = map { m{ipam--([\d.]+)\.sql$} } glob 'sql/released/ipam--*.sql';
cmp_ok(scalar @versions, '>', 0, 'there are released versions');
for my $version (@versions)
{
	my $db = 'from_' . ($version =~ s/\./_/gr);
	my $log = -s $node->logfile;

	# --- the new library with the old objects -------------------------------------------------------------
	filled($db, $version);
	is(sql($db, q{
		CREATE FUNCTION pg_temp.missing(function oid) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN PERFORM fmgr_c_validator(function); RETURN NULL; EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END $$;
		SELECT count(*) FILTER (WHERE pg_temp.missing(oid) IS NULL) > 20, string_agg(pg_temp.missing(oid), ', ')
		FROM pg_proc WHERE pronamespace = 'ipam'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')}), 't|', "$version: the library has each symbol that the objects name");
	my $session = $node->background_psql($db, on_error_stop => 0);
	$session->query(q{SELECT address FROM ipam.allocate_ip_addresses((SELECT min(id) FROM ipam.ip_range WHERE managed_by = 'IPAM')) AS a});
	$session->query(q{DELETE FROM ipam.ip_address WHERE id = (SELECT max(id) FROM ipam.ip_address)});
	sql($db, q{SELECT setval(pg_get_serial_sequence('ipam.ip_address', 'id'), (SELECT max(id) FROM ipam.ip_address))});
	is(differences(work($db), $answers), '', "$version: the library answers as it does with the new objects");
	$node->poll_query_until($db, $no_worker);
	unlike(slurp_file($node->logfile, $log), qr/ERROR|FATAL|PANIC/, "$version: and nothing goes wrong behind the scenes");

	# --- updated and converted ------------------------------------------------------------------------------
	sql($db, 'ALTER EXTENSION ipam UPDATE');
	is(sql($db, 'SELECT * FROM ipam.get_schema_conversion_info()') =~ s/\|.*//r, 't', "$version: the store is to be converted");
	is($session->query('SELECT ipam.is_schema_conversion_required()'), 't', "$version: a session that was there before knows it");
	sql($db, 'CALL ipam.convert_schema()');
	is(sql($db, 'SELECT is_required, installed_version FROM ipam.get_schema_conversion_info()'), "f|$installed", "$version: the store has the new version");
	is($session->query(q{SELECT count(a) FROM ipam.allocate_ip_addresses((SELECT max(id) FROM ipam.ip_range), 2) AS a}), 2, "$version: a session that was there before goes on");
	$session->query(q{DELETE FROM ipam.ip_address WHERE id IN (SELECT id FROM ipam.ip_address ORDER BY id DESC LIMIT 2); TRUNCATE ipam.released_address});
	$session->quit;
	sql($db, 'CALL ipam.rebuild_occupancy()');
	is(sql($db, 'SELECT * FROM ipam.check_occupancy()') . sql($db, 'SELECT * FROM ipam.check_plan()'), '', "$version: converted, the store is right");
	sql('fresh', 'TRUNCATE ipam.released_address');
	is(differences(rows($db, @tables), rows('fresh', @tables)), '', "$version: its rows are those of a store that was loaded into the new version");

	# --- there is no way back -------------------------------------------------------------------------------
	like(error_of($db, "ALTER EXTENSION ipam UPDATE TO '$version'"),
		qr/ERROR:  22023: extension "ipam" has no update path from version "\Q$installed\E" to version "\Q$version\E"/, "$version: there is no way back, and PostgreSQL says so");
}

# --- a store that is newer than the extension ---------------------------------------------------------------

sql('fresh', q{UPDATE ipam.common_property SET value = '99.0' WHERE name = 'DatabaseSchemaVersion'});
for my $call ('SELECT * FROM ipam.get_free_ip_addresses(1)', 'SELECT * FROM ipam.allocate_ip_addresses(1)', 'CALL ipam.convert_schema()',
	'SELECT * FROM ipam.get_schema_conversion_info()')
{
	like(error_of('fresh', $call), qr/ERROR:  IP814: the store has version 99\.0, the extension only \Q$installed\E\n.*Install the newer version/s, "a newer store: $call");
}
is(sql('fresh', 'SELECT count(*) > 0 FROM ipam.ip_address'), 't', 'its tables can be read');

$node->stop;
done_testing();
