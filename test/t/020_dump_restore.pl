# A store that is dumped and restored is the same store, however that is done: every row of every table, no
# row twice, and everything goes on where it was. Nobody has to know a setting for it, but for a restore by
# several jobs: pg_restore then loads tables in any order, which no table with a foreign key inside an
# extension stands.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;
use Store;

my $node = Staged->node('main');
$node->start;
my $folder = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE DATABASE plan');
fill_store($node, 'plan');
my $plan = store_rows($node, 'plan');
cmp_ok(scalar keys %$plan, '>=', 19, 'there are tables to compare');
is_deeply([ grep { $plan->{$_} eq '' } grep { $_ ne 'schema_conversion_progress' } sort keys %$plan ], [], 'each of them has rows');
is($node->safe_psql('plan', q{SELECT count(*) FILTER (WHERE use_for_utilization) > 50 AND count(*) FILTER (WHERE NOT use_for_utilization) > 50 FROM ipam.ip_subnet}),
	't', 'there are subnets that are used for utilization, and others');
is_sound($node, 'plan', 'the store that is dumped');

# Runs pg_dump or its like; gives the file.
sub dumped
{
	my ($name, $program, @arguments) = @_;
	$node->command_ok([ $program, '-f', "$folder/$name", @arguments ], "$name is written");
	return "$folder/$name";
}
sub create
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	return ('-d', $node->connstr($database));
}
sub restored
{
	my ($database, @command) = @_;
	$node->command_ok(\@command, "$database: restored without an error");
}
sub is_same_store
{
	my ($database) = @_;
	same_rows(store_rows($node, $database), $plan, $database);
	is_sound($node, $database, $database);
	goes_on($node, $database, $database);
}
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1');
my $dump = dumped('plan.dump', 'pg_dump', '-Fc', $node->connstr('plan'));

# --- nothing to know ------------------------------------------------------------------------------------

restored('plain', @psql, create('plain'), '-f', dumped('plan.sql', 'pg_dump', $node->connstr('plan')));
is($node->safe_psql('plain', 'SELECT count(*) FROM ipam.occupancy'), 0, 'plain: occupancy is not dumped');
$node->safe_psql('plain', 'CALL ipam.rebuild_occupancy()');
is($node->safe_psql('plain', 'SELECT count(*) > 0 FROM ipam.occupancy WHERE is_confirmed'), 't', 'plain: but made anew by a call');
is_same_store('plain');

restored('inserts', @psql, create('inserts'), '-f', dumped('inserts.sql', 'pg_dump', '--inserts', $node->connstr('plan')));
is_same_store('inserts');

restored('one_job', 'pg_restore', '--exit-on-error', create('one_job'), $dump);
is_same_store('one_job');

# Schema and data by themselves: the dump of the schema makes the extension, without rows.
my $schema = dumped('schema.sql', 'pg_dump', '-s', $node->connstr('plan'));
my $data = dumped('data.sql', 'pg_dump', '-a', $node->connstr('plan'));
restored('schema', @psql, create('schema'), '-f', $schema);
is($node->safe_psql('schema', 'SELECT ipam.is_ipam_configured(), (SELECT count(*) FROM ipam.custom_field)'), 'f|0', 'schema: a store that is not provisioned');
restored('schema', @psql, '-d', $node->connstr('schema'), '-f', $data);
is_same_store('schema');
create('data');
$node->safe_psql('data', 'CREATE EXTENSION ipam CASCADE');
restored('data', @psql, '-d', $node->connstr('data'), '-f', $data);
is_same_store('data');

# One table: its rows only, for a store that has the plan around them. Releases are noted, as always.
my $addresses = dumped('addresses.sql', 'pg_dump', '-t', 'ipam.ip_address', $node->connstr('plan'));
restored('one_table', 'pg_restore', '--exit-on-error', create('one_table'), $dump);
$node->safe_psql('one_table', 'CALL ipam.rebuild_occupancy(); TRUNCATE ipam.ip_address');
restored('one_table', @psql, '-d', $node->connstr('one_table'), '-f', $addresses);
is_same_store('one_table');

# --- rows in another order ---------------------------------------------------------------------------------

# Rows that are written again lie behind those that were there before: customers before their provider, a subnet before
# the block around it. Of MS DHCP ranges with the same addresses the older one has these, wherever it lies.
$node->safe_psql('postgres', 'CREATE DATABASE reversed TEMPLATE plan');
$node->safe_psql('reversed', q{
	INSERT INTO ipam.address_space (name) VALUES ('below');
	INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) SELECT 'above', 'Customer', id, 'VLAN' FROM ipam.address_space WHERE name = 'below';
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('192.168.240.0/24', 'twins');
	INSERT INTO ipam.ip_range (start_address, end_address, managed_by, description) VALUES ('192.168.240.1', '192.168.240.9', 'MS DHCP', 'older');
	INSERT INTO ipam.ip_range (start_address, end_address, managed_by, description) VALUES ('192.168.240.1', '192.168.240.9', 'MS DHCP', 'younger');
	INSERT INTO ipam.ip_address (address, managed_by) VALUES ('192.168.240.2', 'MS DHCP')});
reverse_rows($node, 'reversed');
is($node->safe_psql('reversed', q{SELECT string_agg(name, ' ' ORDER BY ctid) FROM ipam.address_space WHERE name IN ('above', 'below')}), 'above below', 'reversed: the customer lies before its provider');
$node->safe_psql('reversed', q{INSERT INTO ipam.ip_address (address, managed_by) VALUES ('192.168.240.3', 'MS DHCP')});
is($node->safe_psql('reversed', q{SELECT string_agg(r.description, ' ') FROM ipam.ip_address AS a JOIN ipam.ip_range AS r ON r.id = a.range_id WHERE a.address <<= '192.168.240.0/24'}),
	'older older', 'reversed: the older of two ranges with the same addresses has what is in them');
my $reversed = store_rows($node, 'reversed');
for my $how ([ 'copied' ], [ 'inserted', '--inserts' ])
{
	my ($name, @options) = @$how;
	restored("reversed_$name", @psql, create("reversed_$name"), '-f', dumped("reversed_$name.sql", 'pg_dump', @options, $node->connstr('reversed')));
	same_rows(store_rows($node, "reversed_$name"), $reversed, "reversed, $name");
	is_sound($node, "reversed_$name", "reversed, $name");
}
# Version 1.0 took the one that lay first.
$node->safe_psql('reversed', q{SET session_replication_role = replica;
	UPDATE ipam.ip_address SET range_id = (SELECT id FROM ipam.ip_range WHERE description = 'younger') WHERE address = '192.168.240.2'});
restored('younger', @psql, create('younger'), '-f', dumped('younger.sql', 'pg_dump', $node->connstr('reversed')));
same_rows(store_rows($node, 'younger'), $reversed, 'younger: the address is in the older range');

# --- rights on a schema that was there before -------------------------------------------------------------

# CREATE EXTENSION finds the schema of an extension that was dropped, or one that somebody has made for it.
$node->safe_psql('postgres', 'CREATE ROLE early; CREATE ROLE "even Earlier"; CREATE ROLE late');
for my $before (
	[ 'dropped', 'CREATE EXTENSION ipam CASCADE; CALL ipam.provision(); DROP EXTENSION ipam' ],
	[ 'made', 'CREATE SCHEMA ipam; GRANT ALL ON SCHEMA ipam TO PUBLIC; GRANT USAGE ON SCHEMA ipam TO "even Earlier" WITH GRANT OPTION;
		SET ROLE "even Earlier"; GRANT USAGE ON SCHEMA ipam TO early; RESET ROLE' ])
{
	my ($database, $how) = @$before;
	create($database);
	$node->safe_psql($database, "$how; CREATE EXTENSION ipam CASCADE");
	is($node->safe_psql($database, q{SELECT nspacl FROM pg_namespace WHERE nspname = 'ipam'}),
		$node->safe_psql($database, q{SELECT format('{%1$s=UC/%1$s}', current_user)}), "$database: the schema is its owner's alone");
	$node->safe_psql($database, 'CALL ipam.provision(); GRANT USAGE ON SCHEMA ipam TO late');
	is($node->safe_psql($database, q{SELECT count(*) FROM pg_init_privs AS p, aclexplode(p.initprivs) AS a
		WHERE p.objoid = 'ipam'::regnamespace AND p.classoid = 'pg_namespace'::regclass AND a.grantee <> current_user::regrole}), 0, "$database: nobody has rights on it from the first");
	my $again = "${database}_again";
	restored($again, @psql, create($again), '-f', dumped("$database.sql", 'pg_dump', $node->connstr($database)));
	is($node->safe_psql($again, 'SET ROLE ipam_users; SELECT count(*) FROM ipam.ip_address'), 0, "$database: users read the restored store");
	is($node->safe_psql($again, q{SELECT string_agg(r, ' ' ORDER BY r) FROM unnest(ARRAY['public', 'early', 'even Earlier', 'late', 'ipam_users']) AS r WHERE has_schema_privilege(r, 'ipam', 'USAGE')}),
		'ipam_users late', "$database: and who was granted it since");
}

# --- several jobs ---------------------------------------------------------------------------------------

{
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
	restored('four_jobs', 'pg_restore', '-j', '4', '--exit-on-error', create('four_jobs'), $dump);
}
is_same_store('four_jobs');

my ($out, $err);
delete local $ENV{PGAPPNAME}; # that of the tests
ok(!IPC::Run::run([ 'pg_restore', '-j', '4', create('unset'), $dump ], '>', \$out, '2>', \$err), 'four jobs without the setting fail');
like($err, qr/HINT:  .*PGOPTIONS='-c session_replication_role=replica'/, 'and the error tells it');

# --- while others write ---------------------------------------------------------------------------------

append_to_file("$folder/use", q{
	SELECT count(*) FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id, 3, device_name => 'load') AS a WHERE r.description = 'busy';
	DELETE FROM ipam.ip_address WHERE device_name = 'load' AND id % 3 = 0;
	INSERT INTO ipam.ip_subnet (network, name) SELECT network(set_masklen('100.80.0.0'::inet + 256 * (random() * 1000)::integer, 24)), 'load' ON CONFLICT DO NOTHING;
	DELETE FROM ipam.ip_subnet WHERE name = 'load' AND id % 7 = 0;
});
$node->safe_psql('plan', q{INSERT INTO ipam.ip_range (start_address, end_address, quarantine, description) VALUES ('198.18.128.1', '198.18.255.254', '1 minute', 'busy')});
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-T', '60', '-f', "$folder/use", $node->connstr('plan') ], '>', '/dev/null', '2>', \$err);
$node->poll_query_until('plan', q{SELECT count(*) > 20 FROM ipam.ip_address WHERE device_name = 'load'}) or die $err;
$node->command_ok([ 'pg_dump', '-Fd', '-j', '3', '-f', "$folder/directory", $node->connstr('plan') ], 'pg_dump by three jobs in the middle of it');
my $before = $node->safe_psql('plan', q{SELECT max(id) FROM ipam.ip_address});
$node->poll_query_until('plan', "SELECT max(id) > $before FROM ipam.ip_address");
ok($load->pumpable, 'nobody who wrote had an error') or diag($err);
$load->kill_kill;
{
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
	restored('in_use', 'pg_restore', '-j', '4', '--exit-on-error', create('in_use'), "$folder/directory");
}
is_sound($node, 'in_use', 'in_use');
cmp_ok($node->safe_psql('in_use', q{SELECT count(*) FROM ipam.ip_address WHERE device_name = 'load'}), '>', 0, 'in_use: what was written meanwhile is there');
is($node->safe_psql('in_use', q{SELECT bool_and(a.id <= s.last_value) FROM ipam.ip_address AS a, ipam.ip_address_id_seq AS s}), 't', 'in_use: the sequence is not behind the rows');
$node->safe_psql('in_use', q{DELETE FROM ipam.ip_address WHERE device_name = 'load'});
goes_on($node, 'in_use', 'in_use');

# --- the whole server -----------------------------------------------------------------------------------

my $other = Staged->node('other');
$other->start;
$node->safe_psql('postgres', "DROP DATABASE $_") for split /\n/, $node->safe_psql('postgres', q{SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'plan') AND NOT datistemplate});
my $all = dumped('all.sql', 'pg_dumpall', '-d', $node->connstr('postgres'));
ok(IPC::Run::run([ 'psql', '-X', '-q', '-d', $other->connstr('postgres'), '-f', $all ], '>', \$out, '2>', \$err), 'pg_dumpall: restored');
is(join('', grep { !/^psql:.* ERROR:  role "\S+" already exists$/ } split /^/m, $err), '', 'pg_dumpall: the role that restores was there, and that is the only error');
same_rows(store_rows($other, 'plan'), store_rows($node, 'plan'), 'pg_dumpall');
is_sound($other, 'plan', 'pg_dumpall');
is($other->safe_psql('plan', q{SET ROLE ipam_users; SELECT count(*) > 0 FROM ipam.ip_address}), 't', 'pg_dumpall: the security groups have their rights');
$other->stop;
$node->stop;
done_testing();
