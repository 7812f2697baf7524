# The tasks of utilization and expiry as a scheduler runs them: a listening client hears what has changed and nothing
# twice, each batch is committed, an interrupted or failed run is in nobody's way, and only administrators run them.
use strict;
use warnings;
use IPC::Run qw(start timeout);
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE plan');

sub sql { return $node->safe_psql('plan', $_[0]) }
sql('CREATE EXTENSION ipam CASCADE; CALL ipam.provision()');
sql(q{INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'lan'), ('2001:db8::/64', 'lan6');
      INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1', '10.0.0.10'), ('10.0.1.1', '10.0.1.10'), ('2001:db8::', '2001:db8::ffff:ffff:ffff:ffff');
      INSERT INTO ipam.ip_address (address) SELECT '10.0.0.0'::inet + n FROM generate_series(1, 9) AS n;
      INSERT INTO ipam.ip_address (address) VALUES ('10.0.1.1')});

# --- a client that listens --------------------------------------------------------------------------------

my ($to_listener, $heard, $errors) = ('', '', '');
my $listener = start([ $node->installed_command('psql'), '-X', '-q', '-A', '-t', '-h', $node->host, '-p', $node->port, '-d', 'plan' ],
	'<', \$to_listener, '>', \$heard, '2>', \$errors, timeout(60));

# What the client has heard since the last call, as [channel, message]. psql shows notifications after a statement.
my $questions = 0;
sub heard
{
	my $mark = 'mark ' . ++$questions;
	$to_listener .= "SELECT '$mark';\nSELECT '$mark again';\n";
	$listener->pump until $heard =~ /^\Q$mark again\E$/m;
	my @messages;
	push @messages, [ $1, decode_json($2) ] while $heard =~ /Asynchronous notification "(\w+)" with payload "(.*)" received/g;
	$heard = '';
	return \@messages;
}
$to_listener .= "LISTEN ipam_utilization; LISTEN ipam_expiry;\n";
is_deeply(heard(), [], 'nothing has happened yet');

sub statuses { return [ map { [ $_->[0], @{ $_->[1] }{qw(start_address previous_status status)} ] } @{ +shift } ] }

sql('CALL ipam.collect_utilization()');
my $first = heard();
is_deeply(statuses($first), [ [ 'ipam_utilization', '10.0.0.1', undef, 'Over' ] ], 'the first collection tells of the full range only');
my $message = $first->[0][1];
is_deeply([ sort keys %$message ],
	[ sort qw(at event range_id address_space_id start_address end_address managed_by managed_by_entity status previous_status
	          total_addresses utilized_addresses percent_utilized) ], 'the keys of the message');
is_deeply([ @$message{qw(event end_address managed_by managed_by_entity total_addresses utilized_addresses percent_utilized)} ],
	[ 'NotifyUtilizationStatusChange', '10.0.0.10', 'IPAM', 'Localhost', 10, 9, 90 ], 'and their values');
is(sql("SELECT '$message->{at}'::timestamptz = last_run_time FROM ipam.task WHERE type = 'Utilization'"), 't', 'at is the time of the collection');

sql('CALL ipam.collect_utilization()');
is_deeply(heard(), [], 'what has not changed is not told again');

sql(q{DELETE FROM ipam.ip_address WHERE address IN ('10.0.0.1', '10.0.0.2');
      INSERT INTO ipam.ip_address (address) SELECT '10.0.1.1'::inet + n FROM generate_series(1, 8) AS n});
sql('BEGIN; CALL ipam.collect_utilization(); ROLLBACK');
is_deeply(heard(), [], 'what was rolled back is not told');
sql('CALL ipam.collect_utilization()');
is_deeply(statuses(heard()), [ [ 'ipam_utilization', '10.0.0.1', 'Over', 'Optimal' ], [ 'ipam_utilization', '10.0.1.1', 'Under', 'Over' ] ],
	'both that have crossed a threshold, in the order of their ids');
sql(q{SELECT ipam.set_common_property('MaximumUtilizationThreshold', '95')});
sql('CALL ipam.collect_utilization()');
is_deeply(statuses(heard()), [ [ 'ipam_utilization', '10.0.1.1', 'Over', 'Optimal' ] ], 'a threshold can cross a range, too');

# --- expiry -----------------------------------------------------------------------------------------------

sql(q{UPDATE ipam.ip_address SET expires_at = now() + interval '1 day' WHERE address IN ('10.0.0.3', '10.0.0.4');
      UPDATE ipam.ip_address SET expires_at = now() - interval '1 day' WHERE address = '10.0.0.5'});
sql('CALL ipam.check_expiry()');
my $expiry = heard();
is_deeply([ map { [ $_->[0], @{ $_->[1] }{qw(event alert expired)} ] } @$expiry ], [ [ 'ipam_expiry', 'NotifyExpiry', 2, 1 ] ],
	'one message for each run, with counts');
is_deeply([ sort keys %{ $expiry->[0][1] } ], [qw(alert at event expired)], 'its keys');
sql('CALL ipam.check_expiry()');
is_deeply([ map { [ @{ $_->[1] }{qw(alert expired)} ] } @{ heard() } ], [ [ 0, 0 ] ], 'each address is counted once');

# --- batches ----------------------------------------------------------------------------------------------

sql(q{INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.0.0/16', 'many');
      INSERT INTO ipam.ip_range (start_address, end_address) SELECT '10.1.0.0'::inet + 16 * n + 1, '10.1.0.0'::inet + 16 * n + 10 FROM generate_series(0, 2499) AS n});
sql('CALL ipam.purge_utilization_data(now())');

# Starts a slow collection: it rests 99 times as long as it works. Returns when its first batch is committed.
sub slow_collection
{
	my $run = start([ $node->installed_command('psql'), '-X', '-q', '-h', $node->host, '-p', $node->port, '-d', 'plan',
			'-c', 'SET ipam.work_share = 1', '-c', 'CALL ipam.collect_utilization()' ], '<', \undef, '>', \my $out, '2>', \$errors, timeout(60));
	$node->poll_query_until('plan', q{SELECT last_id > 0 AND finished_at IS NULL AND ipam.is_task_running('Utilization') FROM ipam.task_run WHERE type = 'Utilization'})
		or die 'no slow collection';
	return $run;
}

for my $end ('pg_terminate_backend', 'pg_cancel_backend')
{
	my $before = sql('SELECT count(*) FROM ipam.range_utilization_history');
	my $run = slow_collection();
	my $seen = sql('SELECT count(*) FROM ipam.range_utilization_history') - $before;
	ok($seen == 1000 || $seen == 2000, "$end: others see whole batches while others have yet to come") or diag($seen);
	$node->psql('plan', 'CALL ipam.collect_utilization()', stderr => \my $refused);
	like($refused, qr/task Utilization is already running/,
		"$end: a second one is refused meanwhile");
	sql("SELECT $end(pid) FROM ipam.task WHERE type = 'Utilization'");
	$run->finish;
	$node->poll_query_until('plan', q{SELECT NOT ipam.is_task_running('Utilization')});
	is(sql(q{SELECT concat_ws(' ', state, last_run_result, status) FROM ipam.task WHERE type = 'Utilization'}), 'Ready interrupted', "$end: the run is interrupted");
	sql('CALL ipam.collect_utilization()');
	is(sql(q{SELECT concat_ws(' ', last_run_result, status, rows_done) FROM ipam.task WHERE type = 'Utilization'}), '0 done 2506', "$end: the next one does it all");
}
heard();

# --- failures ---------------------------------------------------------------------------------------------

sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          RAISE EXCEPTION USING ERRCODE = 'XX123', MESSAGE = 'the disk is full', CONSTRAINT = 'room_check', DETAIL = 'really', HINT = 'buy one'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT OR DELETE ON ipam.block_utilization_history FOR EACH STATEMENT EXECUTE FUNCTION refuse()});
for my $task ([ 'Utilization', 'collect_utilization()' ], [ 'UtilizationPurge', 'purge_utilization_data(now())' ])
{
	my ($type, $call) = @$task;
	$node->psql('plan', "\\set VERBOSITY verbose\nCALL ipam.$call", stderr => \my $said, on_error_stop => 0);
	like($said, qr/XX123: the disk is full\nDETAIL:  really\nHINT:  buy one/, "$type: its error is the error of the statement");
	is(sql("SELECT concat_ws(' ', state, last_run_result, status, sqlstate, fault) FROM ipam.task WHERE type = '$type'"), 'Ready 1 the disk is full XX123',
		"$type: and stands in the task; a constraint is no fault");
}
is(sql(q{SELECT ipam.get_common_property('LastUtilizationPurgeResult')}), 'the disk is full', 'the purge leaves its result');
is(sql('SELECT count(*) FROM ipam.range_utilization_history'), 0, 'and what it has done before');
sql('DROP TRIGGER refuse ON ipam.block_utilization_history');
sql('CALL ipam.purge_utilization_data(now())');
is(sql(q{SELECT ipam.get_common_property('LastUtilizationPurgeResult')}), '', 'a purge that went well leaves an empty one');

# --- rights -----------------------------------------------------------------------------------------------

sql('CREATE ROLE scheduler LOGIN; GRANT ipam_administrators TO scheduler; CREATE ROLE reader LOGIN; GRANT ipam_users TO reader');
for my $call ('collect_utilization()', 'check_expiry()', q{purge_utilization_data(now() - interval '2 years')})
{
	# As docs/utilization.md has it for cron.
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-U', 'scheduler', '-d', 'plan', '-c', "CALL ipam.$call" ],
		"an administrator runs $call");
	command_fails_like([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-U', 'reader', '-d', 'plan', '-c', "CALL ipam.$call" ],
		qr/permission denied for procedure/, "a reader does not");
}
is($node->safe_psql('plan', q{
	SET ROLE reader;
	SELECT (SELECT count(*) FROM ipam.range_utilization) > 0 AND (SELECT count(*) FROM ipam.subnet_utilization) > 0
	   AND (SELECT count(*) FROM ipam.block_utilization) = 0 AND (SELECT count(*) FROM ipam.address_space_utilization) = 2
	   AND (SELECT count(bar) FROM ipam.plan) > 0 AND (SELECT count(*) FROM ipam.expiring_ip_addresses) = 3 AND (SELECT count(*) FROM ipam.task) = 3
	   AND (SELECT count(*) FROM ipam.range_utilization_trend((SELECT min(id) FROM ipam.ip_range))) = 12
	   AND ipam.get_common_property('ExpiryAlertThreshold') = '10'}), 't', 'a reader sees all of it');
$node->psql('plan', q{SET ROLE reader; SELECT ipam.set_common_property('ExpiryAlertThreshold', '11')}, stderr => \my $denied);
like($denied, qr/permission denied for table common_property/, 'and sets nothing');
sql(q{SET ROLE scheduler; SELECT ipam.set_common_property('ExpiryAlertThreshold', '11')});
is(sql(q{SELECT ipam.get_common_property('ExpiryAlertThreshold')}), '11', 'an administrator does');

$to_listener .= "\\q\n";
$listener->finish;
$node->stop;
done_testing();
