# Provisioning that is interrupted in any of its steps, however hard, leaves a store that says so, and
# goes on to the same result as if nothing had happened.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Staged;

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->safe_psql('bare', 'CREATE EXTENSION ipam CASCADE');

sub fresh
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE bare");
	return $database;
}

sub started
{
	my ($database) = @_;
	my $id = $node->safe_psql($database, 'CALL ipam.initialize_async_provisioning()');
	$node->safe_psql($database, "CALL ipam.start_async_provisioning($id)");
	return $id;
}

sub wait_for
{
	my ($database, $condition, $what) = @_;
	$node->poll_query_until($database, "SELECT $condition") or die "waited in vain: $what";
	return;
}

sub wait_for_end
{
	my ($database) = @_;
	wait_for($database, q{NOT EXISTS (SELECT FROM ipam.async_session WHERE state IN ('Started', 'InProgress'))
		AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ipam session')}, 'the end of the session');
	return;
}

# Until the worker waits for a lock in the step; its process id.
sub blocked
{
	my ($database, $step) = @_;
	my $worker = qq{FROM ipam.async_session_status AS s JOIN pg_stat_activity AS a USING (pid) WHERE s.step = $step - 1 AND a.wait_event_type = 'Lock'};
	wait_for($database, "EXISTS (SELECT $worker)", "a worker that waits in step $step");
	return $node->safe_psql($database, "SELECT pid $worker");
}

sub outcome
{
	my ($database, $id) = @_;
	return $node->safe_psql($database, "SELECT status, step, sqlstate FROM ipam.async_session_status WHERE id = $id");
}

sub configured { return $node->safe_psql($_[0], 'SELECT ipam.is_ipam_configured()'); }

# What makes each step wait.
my @obstacles = (
	(map { "LOCK TABLE $_ IN SHARE MODE" } qw(ipam.common_property ipam.custom_field ipam.custom_field_value ipam.logical_group ipam.address_space pg_authid pg_namespace)),
	q{INSERT INTO ipam.common_property (name) VALUES ('IpamConfiguredDate')});
my @steps = split /\n/, $node->safe_psql('bare', 'SELECT unnest(ipam.provisioning_steps())');
is(scalar @steps, scalar @obstacles, 'there is an obstacle for each step');

sub holder
{
	my ($database, $step) = @_;
	my $session = $node->background_psql($database);
	$session->query_safe("BEGIN; $obstacles[$step - 1]");
	return $session;
}

# The session may be gone with its server.
sub let_go { my ($session) = @_; eval { $session->quit }; return; }

# Everything in the store but times and sessions; rights and roles. The ids of values have gaps where an
# insertion was undone.
my @tables = split /\n/, $node->safe_psql('bare',
	q{SELECT relname FROM pg_class WHERE relnamespace = 'ipam'::regnamespace AND relkind = 'r' AND relname <> 'async_session' ORDER BY 1});

sub store
{
	my ($database) = @_;
	my $rows = join ' UNION ALL ', map
	{
		my $without = $_ eq 'custom_field_value' ? "'{created_at,modified_at,id}'" : "'{created_at,modified_at}'";
		"SELECT '$_' AS what, (to_jsonb(t) - ${without}::text[])::text AS content FROM ipam.$_ AS t"
	} @tables;
	return $node->safe_psql($database, qq{$rows
		UNION ALL SELECT relname::text, relacl::text FROM pg_class WHERE relnamespace = 'ipam'::regnamespace AND relkind IN ('r', 'v', 'S')
		UNION ALL SELECT oid::regprocedure::text, proacl::text FROM pg_proc WHERE pronamespace = 'ipam'::regnamespace
		UNION ALL SELECT nspname::text, nspacl::text FROM pg_namespace WHERE nspname = 'ipam'
		UNION ALL SELECT 'role', format('%s in %s', m.member::regrole, m.roleid::regrole) FROM pg_auth_members AS m WHERE m.member::regrole::text LIKE 'ipam%'
		ORDER BY 1, 2}) =~ s/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/then/gr;
}

sub same_store
{
	my ($database, $expected, $how) = @_;
	my $is = store($database);
	ok($is eq $expected, "$how: the store equals an undisturbed one");
	if ($is ne $expected)
	{
		my %there = map { $_ => 1 } split /\n/, $is;
		my %wanted = map { $_ => 1 } split /\n/, $expected;
		diag(join "\n", (map { "missing: $_" } grep { !$there{$_} } sort keys %wanted), (map { "too much: $_" } grep { !$wanted{$_} } sort keys %there));
	}
	return;
}

my $db = fresh('undisturbed');
started($db);
wait_for_end($db);
my $undisturbed = store($db);
ok((3 == grep { $undisturbed =~ $_ } qr{Network devices}, qr{"then"}, qr{ipam_administrators in ipam_users}), 'there is something to compare');
# Later stores have to make the roles again.
$node->safe_psql('postgres', "DROP DATABASE $db");
$node->safe_psql('postgres', 'DROP ROLE ' . join ', ', split /\n/, $node->safe_psql('postgres', q{SELECT rolname FROM pg_roles WHERE rolname LIKE 'ipam%'}));

# --- kill -9 in each step ------------------------------------------------------------------------

$db = fresh('killed');
my $id;
for my $step (1 .. @steps)
{
	my $name = "kill -9 in step $step, $steps[$step - 1]";
	my $holder = holder($db, $step);
	$step == 1 ? $id = started($db) : $node->safe_psql($db, "CALL ipam.resume_async_session($id)");
	my $log = -s $node->logfile;
	kill 'KILL', blocked($db, $step);
	$node->wait_for_log(qr/reinitializing.*database system is ready to accept connections/s, $log);
	let_go($holder);
	# So short after its start a session that has not been taken up is expected to be.
	$node->safe_psql($db, "UPDATE ipam.async_session SET started_at = started_at - interval '10 seconds'") if $step == 1;
	is($node->safe_psql($db, 'SELECT status, step, ipam.is_ipam_configured(), ipam.is_ipam_provisioning_in_progress() FROM ipam.async_session_status'),
		'interrupted|' . ($step - 1) . '|f|f', "$name: interrupted, nothing half done");
}
$node->safe_psql($db, "CALL ipam.resume_async_session($id)");
wait_for_end($db);
is(outcome($db, $id), 'completed|8|', 'after all that, resumed, it completes');
same_store($db, $undisturbed, 'killed in each step');
like(($node->psql($db, "CALL ipam.resume_async_session($id)"))[2], qr/session $id cannot be resumed/, 'then nothing is left to resume');

# --- The server stops ----------------------------------------------------------------------------

$db = fresh('stopped');
my $first = started_and_stopped('immediate', 4);
is(outcome($db, $first), 'interrupted|3|', 'immediate shutdown: interrupted');
is(configured($db), 'f', 'immediate shutdown: not provisioned');

# Another session takes over; it is cancelled and terminated on its way.
for my $way ([ 'pg_cancel_backend', 3 ], [ 'pg_terminate_backend', 5 ])
{
	my ($function, $step) = @$way;
	my $holder = holder($db, $step);
	my $second = started($db);
	my $pid = blocked($db, $step);
	$node->safe_psql($db, "SELECT $function($pid)");
	wait_for_end($db);
	like(outcome($db, $second), qr/^failed\|@{[ $step - 1 ]}\|57(014|P01)$/, "$function ends the session with its SQLSTATE");
	is(outcome($db, $first), 'failed|3|57P02', "$function: the interrupted session has been closed");
	is(configured($db), 'f', "$function: not provisioned");
	let_go($holder);
}

my $began = time;
my $third = started_and_stopped('fast', 3);
cmp_ok(time - $began, '<', 10, 'fast shutdown: the server does not wait for the session');
like(outcome($db, $third), qr/^failed\|[23]\|57(014|P01)$/, 'fast shutdown: the session has been recorded with its SQLSTATE');
is(configured($db), 'f', 'fast shutdown: not provisioned');
$id = started($db);
wait_for_end($db);
is(outcome($db, $id), 'completed|8|', 'a later session completes it');
same_store($db, $undisturbed, 'stopped again and again');

sub started_and_stopped
{
	my ($mode, $step) = @_;
	my $holder = holder($db, $step);
	my $session = started($db);
	blocked($db, $step);
	$node->stop($mode);
	let_go($holder);
	$node->start;
	return $session;
}

# --- The store goes away -------------------------------------------------------------------------

$db = fresh('dropped');
my $log = -s $node->logfile;
my $holder = holder($db, 3);
started($db);
my $worker = blocked($db, 3);
like(($node->psql('postgres', "DROP DATABASE $db"))[2], qr/is being accessed by other users/, 'a database is not dropped while a session works on it');
$node->safe_psql('postgres', "DROP DATABASE $db WITH (FORCE)");
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $worker"), 0, 'WITH (FORCE) ends the session');
let_go($holder);

$db = fresh('removed');
$holder = holder($db, 3);
started($db);
blocked($db, 3);
my $dropper = $node->background_psql($db, on_error_stop => 0);
$dropper->query_until(qr/asked/, "\\echo asked\nDROP EXTENSION ipam CASCADE;\n");
wait_for($db, q{EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DROP EXTENSION%' AND wait_event_type = 'Lock')}, 'DROP EXTENSION');
let_go($holder);
$dropper->query('SELECT 1');
let_go($dropper);
$node->safe_psql($db, 'DROP EXTENSION IF EXISTS ipam CASCADE'); # a deadlock may have chosen the first one
wait_for('postgres', q{NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ipam session')}, 'the end of the worker');
pass('DROP EXTENSION: the worker ends');
unlike(slurp_file($node->logfile, $log), qr/PANIC|terminated by signal|reinitializing/, 'and nothing crashes');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, 'no lock is left');

$node->stop;
done_testing();
