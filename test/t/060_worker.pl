# Provisioning in the background: what a client that listens is told and when, who does the work, what
# happens when it cannot be done. test/t/061_worker_crash.pl has the crashes,
# test/t/063_worker_settings.pl what roles and databases set.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
# One is taken by logical replication: room for two sessions.
$node->append_conf('postgresql.conf', "max_worker_processes = 3\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->safe_psql('bare', 'CREATE EXTENSION ipam CASCADE');

my @steps = split /\n/, $node->safe_psql('bare', 'SELECT unnest(ipam.provisioning_steps())');
is(scalar @steps, 8, 'provisioning has eight steps');

sub fresh
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE bare");
	return $database;
}

sub initialized
{
	my ($database, $properties) = @_;
	return $node->safe_psql($database, "CALL ipam.initialize_async_provisioning(properties => '" . ($properties // '{}') . "')");
}

sub start
{
	my ($database, $id) = @_;
	$node->safe_psql($database, "CALL ipam.start_async_provisioning($id)");
	return;
}

sub wait_for
{
	my ($database, $condition, $what) = @_;
	$node->poll_query_until($database, "SELECT $condition") or die "waited in vain: $what";
	return;
}

# Until nobody works on a session any more.
sub wait_for_end
{
	my ($database) = @_;
	wait_for($database, q{NOT EXISTS (SELECT FROM ipam.async_session WHERE state IN ('Started', 'InProgress'))
		AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ipam session' AND datname = current_database())}, 'the end of the session');
	return;
}

# Until a session waits for a lock, so many steps being done.
sub wait_for_block
{
	my ($database, $step) = @_;
	wait_for($database, qq{EXISTS (SELECT FROM ipam.async_session_status AS s JOIN pg_stat_activity AS a USING (pid)
		WHERE s.step = $step AND a.wait_event_type = 'Lock')}, "a worker that waits after $step steps");
	return;
}

sub outcome
{
	my ($database, $id) = @_;
	return $node->safe_psql($database, "SELECT status, step, sqlstate, fault, message FROM ipam.async_session_status WHERE id = $id");
}

sub configured { return $node->safe_psql($_[0], 'SELECT ipam.is_ipam_configured()'); }

# SQLSTATE, fault and text of a statement that fails.
sub refusal
{
	my ($database, $sql, @more) = @_;
	my ($status, $output, $error) = $node->psql($database, "\\set VERBOSITY verbose\n$sql", @more);
	isnt($status, 0, "refused: $sql");
	return $error;
}

# A session that holds a lock until it is told to let go.
sub holder
{
	my ($database, $sql) = @_;
	my $session = $node->background_psql($database);
	$session->query_safe("BEGIN; $sql");
	return $session;
}

sub listener
{
	my ($database) = @_;
	my $session = $node->background_psql($database);
	$session->query_safe('LISTEN ipam_provisioning; LISTEN ipam_schema_conversion');
	return $session;
}

# The notifications that have arrived since the last call.
sub heard
{
	my ($session) = @_;
	my $output = $session->query_safe('SELECT 1');
	my @events;
	while ($output =~ /^Asynchronous notification "(\w+)" with payload "(.*)" received from server process/mg)
	{
		push @events, { channel => $1, %{ decode_json($2) } };
	}
	return @events;
}

sub names { return join ' ', map { $_->{event} =~ s/^NotifyAsyncProvision//r } @_; }

# --- The whole way, watched ----------------------------------------------------------------------

my $db = fresh('watched');
my $listener = listener($db);
my $holder = holder($db, 'LOCK TABLE ipam.custom_field_value IN SHARE MODE');
my $id = initialized($db);
my $log = -s $node->logfile;

# Nothing before the commit of the starter.
my $starter = $node->background_psql($db);
$starter->query_safe("BEGIN; CALL ipam.start_async_provisioning($id)");
wait_for($db, q{EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ipam session' AND wait_event = 'transactionid')}, 'a worker that waits for its starter');
is(outcome($db, $id), 'initialized|0|||', 'before the commit the session is what it was');
is($node->safe_psql($db, 'SELECT count(*), ipam.is_ipam_provisioning_in_progress() FROM ipam.common_property'), '0|f', 'and nothing has been done');
is(names(heard($listener)), '', 'or said');
$starter->query_safe('COMMIT');

# Two steps are done, the third one waits.
wait_for_block($db, 2);
my @events = heard($listener);
is(names(@events), 'Start Checkpoint Checkpoint', 'the first checkpoints arrive while the worker is at work');
is($node->safe_psql($db, 'SELECT state, status, step, steps, percent, remaining IS NOT NULL, started_by = current_user, finished_at FROM ipam.async_session_status'),
	'InProgress|running|2|8|25.0|t|t|', 'the status says how far it is');
is($node->safe_psql($db, q{SELECT a.application_name, a.backend_type, a.usename = current_user, a.datname FROM ipam.async_session_status JOIN pg_stat_activity AS a USING (pid)}),
	"ipam session $id|ipam session|t|$db", 'the worker shows itself in pg_stat_activity');
is($node->safe_psql($db, 'SELECT ipam.is_ipam_provisioning_in_progress(), ipam.is_schema_conversion_in_progress(), ipam.is_ipam_configured()'), 't|f|f', 'provisioning is in progress');
is($node->safe_psql($db, 'SELECT count(*) FROM ipam.custom_field'), 18, 'what is done is there for everybody');

# Meanwhile
my $other = initialized($db);
like(refusal($db, "CALL ipam.start_async_provisioning($other)"), qr/IP802: session $id is already at work.*IpamApiProvisioningAlreadyInProgress/s, 'another start is refused');
like(refusal($db, "CALL ipam.run_async_session($other)"), qr/IP802: session $id is already at work/, 'also in the foreground');
like(refusal($db, 'CALL ipam.provision()'), qr/IP802: session $id is already at work/, 'by either way');
is($node->safe_psql($db, 'SELECT count(*) FROM ipam.async_session'), 2, 'a refused call leaves no session');

$holder->quit;
wait_for_end($db);
push @events, heard($listener);
is(names(@events), 'Start' . ' Checkpoint' x 8 . ' Complete', 'a checkpoint for each step, and then the end');
is(join(' ', map { $_->{channel} } @events), join(' ', ('ipam_provisioning') x 10), 'on the channel of provisioning');
is(join(' ', map { $_->{session_id} } @events), join(' ', ($id) x 10), 'with the id of the session');
is(join(' ', map { $_->{state} } @events), 'Started' . ' InProgress' x 8 . ' Completed', 'with its state');
is(join(', ', map { $_->{step_name} } @events[ 1 .. 8 ]), join(', ', @steps), 'with the names of the steps in order');
is(join(' ', map { "$_->{step}/$_->{steps}" } @events[ 1 .. 9 ]), '1/8 2/8 3/8 4/8 5/8 6/8 7/8 8/8 8/8', 'with their numbers');
is(join(' ', map { $_->{percent} + 0 } @events[ 1 .. 9 ]), '12.5 25 37.5 50 62.5 75 87.5 100 100', 'with what is done');
my @times = map { $_->{at} } @events;
is(join(' ', @times), join(' ', sort @times), 'with times that go on');
is($events[9]{result}, 'Success', 'the end is a success');
ok(exists $events[9]{exception} && !defined $events[9]{exception}, 'without an exception');
is(outcome($db, $id), 'completed|8|||', 'the session is completed');
is($node->safe_psql($db, 'SELECT ipam.is_ipam_configured(), ipam.is_ipam_provisioning_in_progress()'), 't|f', 'the store is provisioned');
is($node->safe_psql($db, q{INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan') RETURNING network}), '10.0.0.0/24', 'and works');

# Twice
like(refusal($db, "CALL ipam.start_async_provisioning($other)"), qr/IP801: the store has been provisioned already.*IpamApiErrorIpamAlreadyProvisioned/s, 'provisioning twice is refused');
like(refusal($db, "CALL ipam.start_async_provisioning($id)"), qr/IP016: session $id cannot be started.*Completed/s, 'a completed session cannot be started');
is(names(heard($listener)), '', 'a refused call is not announced');
unlike(slurp_file($node->logfile, $log), qr/(WARNING|FATAL|PANIC):/, 'the log has nothing but the refused statements');
$_->quit for $listener, $starter;

# --- A starter that rolls back -------------------------------------------------------------------

$db = fresh('rolled_back');
$listener = listener($db);
$id = initialized($db);
$log = -s $node->logfile;
$starter = $node->background_psql($db);
my $gone = q{NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ipam session')};
for my $way (
	[ 'rolls back', 'BEGIN; CALL ipam.initialize_async_provisioning() \gset another_', 'CALL ipam.start_async_provisioning(:another_session_id)', 'ROLLBACK' ],
	[ 'rolls back what was initialized before', 'BEGIN', "CALL ipam.start_async_provisioning($id)", 'ROLLBACK' ],
	[ 'rolls back to a savepoint', 'BEGIN; SAVEPOINT s', "CALL ipam.start_async_provisioning($id)", 'ROLLBACK TO s; COMMIT' ],
	[ 'disconnects', 'BEGIN', "CALL ipam.start_async_provisioning($id)", '\q' ])
{
	my ($how, $begin, $call, $end) = @$way;
	$starter->query_safe($begin);
	$starter->query_safe($call);
	wait_for($db, "NOT $gone", 'a worker');
	$end eq '\q' ? $starter->quit : $starter->query_safe($end);
	wait_for($db, $gone, 'the end of the worker');
	is($node->safe_psql($db, 'SELECT id, status, step FROM ipam.async_session_status'), "$id|initialized|0", "a starter that $how: nothing is left of it");
}
is(names(heard($listener)), '', 'no notifications');
unlike(slurp_file($node->logfile, $log), qr/(WARNING|ERROR|FATAL|PANIC):/, 'nothing in the log');
start($db, $id);
wait_for_end($db);
is(outcome($db, $id), 'completed|8|||', 'the session can still be started');
$listener->quit;

# --- Who does the work ---------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE ROLE dba NOLOGIN CREATEROLE; CREATE ROLE weak NOLOGIN; CREATE ROLE joe LOGIN NOINHERIT; CREATE ROLE jane LOGIN;
	GRANT dba, weak TO joe;
	DO $$ BEGIN EXECUTE format('GRANT %I TO dba, weak', current_user); END $$});
my $joe = [ '-U', 'joe' ];
$db = fresh('called');
$node->safe_psql($db, q{
	CREATE TABLE public.seen (session_user_was name, current_user_was name);
	CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (session_user, current_user); RETURN NULL; END $$;
	CREATE TRIGGER look AFTER INSERT ON ipam.logical_group EXECUTE FUNCTION public.look();
	GRANT USAGE ON SCHEMA ipam TO joe, jane;
	GRANT SELECT ON ALL TABLES IN SCHEMA ipam TO jane; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA ipam TO jane});
my $five = q{{"IpamSecurityGroupIpamUsers": "users here", "IpamSecurityGroupIpamAdministrators": "admins_here", "IpamSecurityGroupIpamAsmAdministrators": "Asm",
	"IpamSecurityGroupIpamMsmAdministrators": "msm_here", "IpamSecurityGroupIpamIPAuditAdministrators": "audit_here"}};
$id = $node->safe_psql($db, "SET ROLE dba; CALL ipam.initialize_async_provisioning(properties => '$five')", extra_params => $joe);
like(refusal($db, "CALL ipam.start_async_provisioning($id)", extra_params => $joe), qr/42501: permission denied/, 'who has no rights does not get in');
like(refusal($db, "CALL ipam.start_async_provisioning($id)", extra_params => [ '-U', 'jane' ]), qr/IP015: role "jane" is not an administrator of the store.*IpamApiAccessDenied/s,
	'who may call but is no administrator is refused');
# A worker that could not become its starter is not sent.
$node->safe_psql($db, qq{
	CREATE FUNCTION public.start_for_all() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN CALL ipam.start_async_provisioning($id); END \$\$;
	GRANT CREATE ON SCHEMA public TO dba; ALTER FUNCTION public.start_for_all() OWNER TO dba});
my $log_of_refused = -s $node->logfile;
like(refusal($db, 'SELECT public.start_for_all()', extra_params => [ '-U', 'jane' ]),
	qr/42501: no background worker can work on session $id.*DETAIL:  It would log in as "jane", who may not SET ROLE "dba"\..*HINT:.*CALL ipam\.run_async_session\($id\)/s,
	'a SECURITY DEFINER function whose caller is no member of its owner is told so');
like(refusal($db, "SET SESSION AUTHORIZATION dba; CALL ipam.start_async_provisioning($id)"), qr/42501: no background worker can work on session $id.*DETAIL:  It would log in as "dba", a role that may not log in\./s,
	'a session of a role that cannot log in is told so');
$node->safe_psql($db, "REVOKE CONNECT ON DATABASE $db FROM public");
like(refusal($db, "SET SESSION AUTHORIZATION joe; SET ROLE dba; CALL ipam.start_async_provisioning($id)"), qr/42501: no background worker can work on session $id.*DETAIL:  It would log in as "joe", who may not connect to this database\./s,
	'a session of a role that may not connect to the database is told so');
$node->safe_psql($db, "GRANT CONNECT ON DATABASE $db TO public");
is(outcome($db, $id), 'initialized|0|||', 'the session is still to be started');
unlike(slurp_file($node->logfile, $log_of_refused), qr/(WARNING|FATAL|PANIC):/, 'the log has nothing but the refused statements');
$node->safe_psql($db, "SET ROLE dba; CALL ipam.start_async_provisioning($id)", extra_params => $joe);
wait_for_end($db);
is(outcome($db, $id), 'completed|8|||', 'a role that cannot log in provisions');
is($node->safe_psql($db, 'SELECT * FROM public.seen'), 'joe|dba', 'the worker logs in as the caller and works as the role that he has set');
is($node->safe_psql($db, 'SELECT started_by FROM ipam.async_session'), 'dba', 'which is the one that started it');
is($node->safe_psql($db, q{SELECT string_agg(role_name, ' ' ORDER BY role_name COLLATE "C") FROM ipam.security_groups()}), 'Asm admins_here audit_here msm_here users here',
	'the groups have the names of the properties');
is($node->safe_psql($db, 'SELECT count(*) FROM ipam.missing_security_groups()'), 0, 'and exist');

# --- A role that may not create roles ------------------------------------------------------------

sub superusers_part
{
	my ($hint) = @_;
	my ($statements) = $hint =~ /Let a superuser run: (.*); then provision again\./ or return 'SELECT 1/0';
	return $statements;
}

$db = fresh('weak');
$listener = listener($db);
my $names = $five =~ s/here/weak/gr =~ s/Asm"/Weak Asm"/r;
$id = $node->safe_psql($db, "SET ROLE weak; CALL ipam.initialize_async_provisioning(properties => '$names')", extra_params => []);
$node->safe_psql($db, "GRANT USAGE ON SCHEMA ipam TO joe");
$node->safe_psql($db, "SET ROLE weak; CALL ipam.start_async_provisioning($id)", extra_params => $joe);
wait_for_end($db);
is(outcome($db, $id), "failed|5|IP803|IpamApiErrorSecurityGroupCreationFailed|role \"weak\" may not create the security groups", 'without the right to create roles it fails and says so');
is(configured($db), 'f', 'the store is not provisioned');
@events = heard($listener);
is(names(@events), 'Start' . ' Checkpoint' x 5 . ' Complete', 'the listener is told');
is($events[-1]{result}, 'Failure', 'that it failed');
is($events[-1]{exception}{fault}, 'IpamApiErrorSecurityGroupCreationFailed', 'with the fault');
is($events[-1]{exception}{sqlstate}, 'IP803', 'its SQLSTATE');
my $hint = $node->safe_psql($db, "SELECT hint FROM ipam.async_session WHERE id = $id");
is($events[-1]{exception}{hint}, $hint, 'and the hint');
is(() = superusers_part($hint) =~ /CREATE ROLE/g, 5, 'which has the statements for the five groups');
$node->safe_psql($db, superusers_part($hint));
$id = $node->safe_psql($db, "SET ROLE weak; CALL ipam.initialize_async_provisioning()", extra_params => $joe);
$node->safe_psql($db, "SET ROLE weak; CALL ipam.start_async_provisioning($id)", extra_params => $joe);
wait_for_end($db);
is(outcome($db, $id), 'completed|8|||', 'after exactly these statements it completes');
is($node->safe_psql($db, 'SELECT count(*) FROM ipam.missing_security_groups()'), 0, 'with all groups');
$listener->quit;

# May make others members of one group, but not of the rest: the hint has all statements, also those that the failed
# attempt has done and undone.
$db = fresh('half_weak');
$names =~ s/weak/half/g;
$names =~ s/Weak/Half/g;
$node->safe_psql($db, qq{CREATE ROLE "$_"}) for $names =~ /: "(.*?)"/g;
$node->safe_psql($db, 'GRANT "users half" TO weak WITH ADMIN OPTION');
like(my $error = refusal($db, "SET ROLE weak; CALL ipam.provision('$names')"), qr/IP803: role "weak" may not create the security groups/, 'a part of it is not allowed');
is(() = superusers_part($error) =~ /GRANT/g, 7, 'the hint has the seven memberships that are missing');
$node->safe_psql($db, superusers_part($error));
$node->safe_psql($db, 'SET ROLE weak; CALL ipam.provision()');
is(configured($db), 't', 'and they are what was missing');

# --- A step that fails ---------------------------------------------------------------------------

$db = fresh('failing');
$listener = listener($db);
$node->safe_psql($db, q{
	CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF TG_ARGV[0] = 'assert' THEN ASSERT false, 'not today'; END IF;
		RAISE 'no groups: %', TG_ARGV[0] USING ERRCODE = '55000', DETAIL = repeat(E'\u0001"ä', 40000), HINT = 'remove the trigger'; END $$;
	CREATE TRIGGER step BEFORE INSERT ON ipam.logical_group EXECUTE FUNCTION public.fail('step')});
$log = -s $node->logfile;
for my $way (
	[ '55000', 'no groups: step', 'a step that fails', q{DROP TRIGGER step ON ipam.logical_group; CREATE TRIGGER step BEFORE INSERT ON ipam.address_space EXECUTE FUNCTION public.fail('assert')} ],
	[ 'P0004', 'not today', 'an assertion that fails', q{DROP TRIGGER step ON ipam.address_space; CREATE CONSTRAINT TRIGGER step AFTER INSERT ON ipam.address_space
		DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fail('commit')} ],
	[ '55000', 'no groups: commit', 'a commit that fails', 'DROP TRIGGER step ON ipam.address_space' ])
{
	my ($sqlstate, $message, $what, $next) = @$way;
	$id = initialized($db);
	start($db, $id);
	wait_for_end($db);
	like(outcome($db, $id), qr/^failed\|[34]\|$sqlstate\|IpamApiUnabletoProvisionIpam\|\Q$message\E$/, "$what ends the session");
	is(configured($db), 'f', "$what: the store is not provisioned");
	@events = heard($listener);
	is($events[-1]{event} . ' ' . $events[-1]{result} . ' ' . $events[-1]{exception}{sqlstate}, "NotifyAsyncProvisionComplete Failure $sqlstate", "$what is told");
	is($events[-1]{exception}{message}, $message, "$what is told with its message");
	like($events[-1]{exception}{detail}, qr/\.\.\.$/, "$what: a long detail is cut") if $sqlstate eq '55000';
	like(refusal($db, "CALL ipam.resume_async_session($id)"), qr/IP016: .*It is failed/s, "$what: the session cannot be resumed");
	$node->safe_psql($db, $next);
}
is($node->safe_psql($db, q{SELECT DISTINCT length(detail), hint FROM ipam.async_session WHERE sqlstate = '55000'}), '120000|remove the trigger', 'the rows have all of it');
unlike(slurp_file($node->logfile, $log), qr/(FATAL|PANIC):|exited with exit code 1/, 'no worker broke down');
$id = initialized($db);
start($db, $id);
wait_for_end($db);
is(outcome($db, $id), 'completed|8|||', 'a later session completes it');
is(configured($db), 't', 'and the store is provisioned');
$listener->quit;

# --- Cancelled -----------------------------------------------------------------------------------

$db = fresh('cancelled');
$node->safe_psql('postgres', "ALTER DATABASE $db SET ipam.work_share = 50"); # a rest after each step, in which the cancelling session gets its turn
$holder = holder($db, 'LOCK TABLE ipam.custom_field_value IN SHARE MODE');
$id = initialized($db);
start($db, $id);
wait_for_block($db, 2);
my $canceller = $node->background_psql($db);
$canceller->query_until(qr/asked/, "\\echo asked\nCALL ipam.cancel_async_session($id);\n");
wait_for($db, q{EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CALL ipam.cancel%' AND wait_event_type = 'Lock')}, 'the cancelling session');
$holder->quit;
wait_for_end($db);
$canceller->query_safe('SELECT 1');
is(outcome($db, $id), "failed|3|57014|IpamApiUnabletoProvisionIpam|session $id was cancelled", 'a running session is cancelled at its next checkpoint');
is(configured($db), 'f', 'and the store is not provisioned');
like(refusal($db, "CALL ipam.cancel_async_session($id)"), qr/IP016: session $id cannot be cancelled/, 'once');
$canceller->quit;

# --- No worker to be had; two databases at once --------------------------------------------------

# Both get as far as the creation of the roles, and go on at the same moment.
fresh($_) for qw(castor pollux);
$names = $five =~ s/here/twin/gr =~ s/Asm"/Twin Asm"/r;
$holder = holder('postgres', 'LOCK TABLE pg_authid IN SHARE MODE');
my %twin = map { $_ => initialized($_, $names) } qw(castor pollux);
start($_, $twin{$_}) for qw(castor pollux);
wait_for_block($_, 5) for qw(castor pollux);

my $third = initialized('cancelled');
$error = refusal('cancelled', "CALL ipam.start_async_provisioning($third)");
like($error, qr/ERROR:  53000: no background worker is free for session $third/, 'without a free worker the start fails');
like($error, qr/HINT:.*max_worker_processes.*CALL ipam\.run_async_session\($third\)/, 'and the hint says what to do');
is(outcome('cancelled', $third), 'initialized|0|||', 'the session is still to be started');

# In the foreground it needs none: each step commits and is told.
$listener = listener('cancelled');
$node->safe_psql('cancelled', "CALL ipam.run_async_session($third)");
is(outcome('cancelled', $third), 'completed|8|||', 'the foreground does it');
is(names(heard($listener)), 'Start' . ' Checkpoint' x 8 . ' Complete', 'with the same notifications');
$listener->quit;

$holder->quit;
wait_for_end($_) for qw(castor pollux);
is(outcome($_, $twin{$_}), 'completed|8|||', "two databases at the same time: $_ is complete") for qw(castor pollux);
is($node->safe_psql($_, 'SELECT count(*) FROM ipam.missing_security_groups()'), 0, "$_ has its groups") for qw(castor pollux);

is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ipam session'}), 0, 'no worker is left');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, 'nor a lock');
$node->stop;
done_testing();
