# A store is converted to the layout of a new version while others write to it: nobody fails, every row is
# converted once, and whatever ends the work on the way, somebody goes on where it stopped. The version step
# is test/data/conversion, which is not shipped.
use strict;
use warnings;
use File::Find;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Staged;

my $rows = $ENV{IPAM_CONVERSION_ROWS} || 100_000;
my $ranges = $rows / 250;

# --- a server that has version 1.99 too ---------------------------------------------------------

my $settings = slurp_file($ENV{IPAM_STAGED_CONF});
my ($stage) = $settings =~ m{'([^':]+/stage)} or die 'where is the stage?';
my $private = PostgreSQL::Test::Utils::tempdir() . '/stage';
PostgreSQL::Test::RecursiveCopy::copypath($stage, $private);
my $extension;
find(sub { $extension = $File::Find::dir if $_ eq 'ipam.control' }, $private);
append_to_file("$extension/ipam--1.0--1.99.sql", slurp_file('test/data/conversion/ipam--1.0--1.99.sql'));
append_to_file("$extension/ipam.control", "default_version = '1.99'\n");
$settings =~ s/\Q$stage\E/$private/g;

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', $settings . "restart_after_crash = on\nmax_wal_size = 4GB\n");
$node->start;

sub sql { return $node->safe_psql(@_) }

# Waits, inside the server, until the condition is true.
sub wait_for
{
	my ($database, $condition) = @_;
	sql($database, qq{DO \$\$ BEGIN
		FOR n IN 1 .. 18000 LOOP
			IF ($condition) THEN RETURN; END IF;
			PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); -- pg_stat_activity stays as it was first seen in a transaction
		END LOOP;
		RAISE 'never happened: %', \$text\$$condition\$text\$;
	END \$\$});
}

# SQLSTATE of the error of the last statement, or "none".
sub code
{
	my ($database, $sql) = @_;
	my ($status, undef, $error) = $node->psql($database, "\\set VERBOSITY sqlstate\n$sql");
	return $error =~ /ERROR:  (\w{5})/ ? $1 : $status ? $error : 'none';
}

sub session { return sql($_[0], 'SELECT max(id) FROM ipam.async_session') }

sub start_conversion
{
	my ($database) = @_;
	sql($database, 'DO $$ DECLARE session bigint; BEGIN
		CALL ipam.initialize_async_schema_conversion(session); CALL ipam.start_async_schema_conversion(session); END $$');
	return session($database);
}

sub status { return sql($_[0], "SELECT status FROM ipam.async_session_status WHERE id = $_[1]") }
sub ended { return wait_for($_[0], "(SELECT state FROM ipam.async_session WHERE id = $_[1]) = 'Completed'") }
sub outcome { return sql($_[0], "SELECT coalesce(sqlstate, 'success') FROM ipam.async_session WHERE id = $_[1]") }
sub addresses_done { return "(SELECT coalesce(max(high_water::bigint), 0) FROM ipam.conversion_log WHERE step = 'addresses')" }
sub worker { return sql($_[0], "SELECT pid FROM ipam.async_session_status WHERE id = $_[1]") }

sub load
{
	my ($database, $count) = @_;
	sql($database, "INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'site');
		INSERT INTO ipam.ip_range (start_address, end_address) SELECT '10.0.0.1'::inet + 256 * n, '10.0.0.250'::inet + 256 * n FROM generate_series(0, $count / 250 - 1) AS n;
		INSERT INTO ipam.ip_address (address) SELECT '10.0.0.1'::inet + n / 250 * 256 + n % 250 FROM generate_series(0, $count - 1) AS n");
}

# What must be true of every store after its conversion.
sub is_converted
{
	my ($database, $count, $how) = @_;
	is(sql($database, "SELECT count(*) FROM ipam.ip_address WHERE address_text IS DISTINCT FROM host(address)"), 0, "$how: every address has the new layout");
	is(sql($database, "SELECT count(*) FROM ipam.ip_address WHERE conversions <> (id <= $count)::integer"), 0, "$how: old addresses were converted once, new ones never");
	is(sql($database, "SELECT count(*) FROM ipam.ip_range AS r FULL JOIN ipam.range_size AS s ON s.range_id = r.id
		WHERE (r.end_address - r.start_address + 1 = s.size AND s.conversions = (r.id <= $count / 250)::integer) IS NOT TRUE"), 0,
		"$how: the same of the ranges");
	is(sql($database, q{SELECT count(*) FROM (SELECT after, lag(high_water, 1, '') OVER (PARTITION BY step ORDER BY id) AS before FROM ipam.conversion_log) AS l
		WHERE coalesce(after, '') <> before}), 0, "$how: each batch went on where the one before had stopped");
	is(sql($database, q{SELECT attnotnull, (SELECT count(*) FROM pg_constraint WHERE conname = 'address_text_not_null')
		FROM pg_attribute WHERE attrelid = 'ipam.ip_address'::regclass AND attname = 'address_text'}), 't|0', "$how: the switch was made");
	is(sql($database, 'SELECT * FROM ipam.get_schema_conversion_info()'), 'f|1.99||1.99', "$how: the store has the new version");
	is(sql($database, 'SELECT count(*) FROM ipam.schema_conversion_progress'), 0, "$how: nothing is left to go on with");
}

# The rows without anything that depends on the time.
sub fingerprint
{
	return sql($_[0], q{SELECT md5(string_agg(concat_ws(' ', id, address, address_text, conversions, range_id), ' ' ORDER BY id)) FROM ipam.ip_address})
		. sql($_[0], q{SELECT md5(string_agg(s::text, ' ' ORDER BY range_id)) FROM ipam.range_size AS s});
}

# --- the update ---------------------------------------------------------------------------------

sql('postgres', 'CREATE DATABASE base');
sql('base', q{CREATE EXTENSION ipam VERSION '1.0' CASCADE; CALL ipam.provision()});
load('base', $rows);
my $free = 'SELECT * FROM ipam.get_free_ip_addresses(1)';
is(sql('base', 'SELECT * FROM ipam.get_schema_conversion_info()'), 'f|1.0||1.0', 'before the update no conversion is required');
is(code('base', $free), 'none', 'and functions work');
sql('base', 'ALTER EXTENSION ipam UPDATE');
is(sql('base', 'SELECT * FROM ipam.get_schema_conversion_info()'), 't|1.0|1.99|1.99', 'after the update a conversion is required');
is(sql('base', 'SELECT ipam.is_schema_conversion_required(), ipam.is_schema_conversion_in_progress()'), 't|f', 'and nobody is at it');
is(code('base', $free), 'IP014', 'functions wait for it');
is(sql('base', 'SELECT count(*) FROM ipam.ip_address'), $rows, 'tables can be read');
sql('base', 'VACUUM ANALYZE');

sub store
{
	my ($name) = @_;
	sql('postgres', "CREATE DATABASE $name TEMPLATE base STRATEGY file_copy");
	sql($name, 'SELECT sum(length(t::text)) FROM ipam.ip_address AS t'); # into memory
}

# --- undisturbed, in the foreground; and what one UPDATE of the same rows takes -------------------

store('plain');
my $began = time;
sql('plain', 'UPDATE ipam.ip_address SET address_text = host(address), conversions = conversions + 1');
my $plain_rate = $rows / (time - $began);
sql('postgres', 'DROP DATABASE plain');

store('undisturbed');
sql('undisturbed', 'CALL ipam.convert_schema()');
is_converted('undisturbed', $rows, 'undisturbed');
is(code('undisturbed', $free), 'none', 'after it functions work');
my $expected = fingerprint('undisturbed');

my $seconds = q{SELECT extract(epoch FROM max(logged_at) - min(logged_at)) FROM ipam.conversion_log WHERE step = 'addresses'};
my $batches = q{SELECT format('%s batches of %s to %s rows; %s ms on average, %s ms for 95 %% of them, %s ms at most', count(*), min(rows), max(rows),
	round(avg(milliseconds)), round(percentile_cont(0.95) WITHIN GROUP (ORDER BY milliseconds)), round(max(milliseconds))) FROM ipam.conversion_log WHERE step = 'addresses'};
my $rate = $rows / sql('undisturbed', $seconds);
note(sprintf 'one plain UPDATE: %d rows/s; conversion: %d rows/s, which is %.2f of it', $plain_rate, $rate, $rate / $plain_rate);
note('undisturbed: ' . sql('undisturbed', $batches));
sql('postgres', 'DROP DATABASE undisturbed');

# --- others write all the time, one listens, one reads for a long time ----------------------------

store('busy');
my %scripts = (
	insert => [ 10, q{\set n random(1, 100000)
		INSERT INTO ipam.ip_address (address) VALUES ('11.0.0.0'::inet + :n) ON CONFLICT DO NOTHING;} ],
	delete_new => [ 3, q{\set n random(1, 100000)
		DELETE FROM ipam.ip_address WHERE address_space_id = 1 AND address = '11.0.0.0'::inet + :n;} ],
	update => [ 10, qq{\\set n random(1, $rows)
		UPDATE ipam.ip_address SET notes = 'written' WHERE id = :n;} ],
	move => [ 10, qq{\\set n random(1, $rows)
		UPDATE ipam.ip_address SET address = '12.0.0.0'::inet + :n WHERE id = :n;} ],
	delete => [ 5, qq{\\set n 5 * random(1, $rows / 5)
		DELETE FROM ipam.ip_address WHERE id = :n;} ],
	insert_range => [ 1, q{WITH new AS (SELECT '10.64.0.1'::inet + 256 * nextval('range_number') AS first)
		INSERT INTO ipam.ip_range (start_address, end_address) SELECT first, first + 9 FROM new;} ],
	resize_range => [ 1, qq{\\set r random(1, $ranges)
		\\set last random(200, 250)
		UPDATE ipam.ip_range SET end_address = '10.0.0.0'::inet + 256 * (:r - 1) + :last WHERE id = :r;} ],
	delete_range => [ 1, qq{\\set r 7 * random(1, $ranges / 7)
		DELETE FROM ipam.ip_range WHERE id = :r;} ]);
sql('busy', 'CREATE SEQUENCE range_number');
my $folder = PostgreSQL::Test::Utils::tempdir();
my @files;
for my $name (sort keys %scripts)
{
	append_to_file("$folder/$name", $scripts{$name}[1]);
	push @files, '-f', "$folder/$name\@$scripts{$name}[0]";
}

# Four clients for some seconds. Returns the longest time that one statement took, in ms.
my ($round, $written, $longest, $failed) = (0, 0, 0, '');
sub write_for
{
	my ($time) = @_;
	my $prefix = "$folder/log" . ++$round;
	my ($out, $err);
	IPC::Run::run([ 'pgbench', '-n', '-c', '4', '-j', '2', '-T', $time, '--max-tries=100', '-l', "--log-prefix=$prefix", '-h', $node->host, '-p', $node->port, @files, 'busy' ],
		'>', \$out, '2>', \$err) or $failed .= $err;
	$failed .= $out if $out !~ /^number of failed transactions: 0 /m;
	my @took = sort { $a <=> $b } map { (split)[2] / 1000 } map { split /\n/, slurp_file($_) } glob "$prefix.*";
	$written += @took;
	$longest = $took[-1] if $took[-1] > $longest;
	return $took[-1];
}

my $undisturbed_stall = write_for(1);
$longest = 0;
my $listener = $node->background_psql('busy');
$listener->query_safe('LISTEN ipam_schema_conversion');
my $reader = $node->background_psql('busy', on_error_stop => 0);
$reader->query_safe(q{SET idle_in_transaction_session_timeout = '20min'; BEGIN; SELECT count(*) FROM ipam.ip_address WHERE id < 10});

my @events;
sub hear
{
	my $heard = join "\n", map { $listener->query('SELECT 1') } 1 .. 2;
	push @events, map { decode_json($_) } $heard =~ /notification "ipam_schema_conversion" with payload "(\{.*\})" received/g;
	return scalar @events;
}

my $session = start_conversion('busy');
my $at_the_switch = q{SELECT count(*) FROM ipam.schema_conversion_progress WHERE position = 2 AND is_finished};
is(code('busy', 'CALL ipam.convert_schema()'), 'IP811', 'a second conversion is refused');
is(sql('busy', q{SELECT ipam.is_schema_conversion_in_progress()}), 't', 'one is in progress');
write_for(2) until sql('busy', $at_the_switch) || status('busy', $session) eq 'completed';
my $busy_stall = $longest;
my $reader_stall = write_for(2);
is(sql('busy', "SELECT state, status FROM ipam.async_session_status WHERE id = $session"), 'InProgress|running', 'the switch waits for a long reader');
cmp_ok($reader_stall, '<', 2000, 'writers do not wait for him');
hear();
is($events[0]{event}, 'NotifyAsyncSchemaConversionStart', 'the listener has heard of the start');
cmp_ok(scalar(@events), '>', 5, 'and of checkpoints, while the worker is at work');
$reader->query_safe('COMMIT');
$reader->quit;
write_for(1) until status('busy', $session) ne 'running';
write_for(1);
is(outcome('busy', $session), 'success', 'it completes while others write');
is($failed, '', "no writer failed in $written statements");
is_converted('busy', $rows, 'busy');
cmp_ok(sql('busy', "SELECT count(*) FROM ipam.ip_address WHERE id > $rows"), '>', 0, 'busy: there are new rows');

hear();
$listener->quit;
is(join(' ', map { $_->{event} =~ /Conversion(\w+)/ } @events[ 0, -1 ]), 'Start Complete', 'the listener has heard it from start to end');
is(scalar(grep { $_->{event} ne 'NotifyAsyncSchemaConversionCheckpoint' } @events[ 1 .. $#events - 1 ]), 0, 'with checkpoints in between');
is(scalar(grep { $_->{session_id} != $session } @events), 0, 'all of this session');
my @growing = grep { ($_->{step_name} // '') eq 'addresses' } @events;
is(scalar(grep { $growing[$_]{rows_done} < $growing[ $_ - 1 ]{rows_done} } 1 .. $#growing), 0, 'the number of rows grows');
cmp_ok($growing[-1]{rows_done}, '>', $rows / 2, 'to where it should');
cmp_ok($growing[-1]{percent}, '<=', 16.7, 'and the first of six steps counts as one');
my @percent = grep { defined } map { $_->{percent} } @events;
is(scalar(grep { $percent[$_] < $percent[ $_ - 1 ] } 1 .. $#percent), 0, 'percent never go back') or diag("@percent");
is("$events[-1]{result} $events[-1]{step}/$events[-1]{steps} $percent[-1]", 'Success 6/6 100', 'and end with all steps and 100');
is($events[-1]{exception}, undef, 'without an exception');

note(sprintf 'busy: %d rows/s', $growing[-1]{rows_done} / sql('busy', $seconds));
note('busy: ' . sql('busy', $batches));
note(sprintf 'longest stall of a writer: %d ms without a conversion, %d ms beside the batches, %d ms while the switch waited for a reader, %d ms in all',
	$undisturbed_stall, $busy_stall, $reader_stall, $longest);
sql('postgres', 'DROP DATABASE busy WITH (FORCE)');

# --- whatever ends it, somebody goes on ---------------------------------------------------------

store('crashed');
sql('postgres', 'ALTER DATABASE crashed SET ipam.work_share = 50');
sub reach { return wait_for('crashed', addresses_done() . ' >= ' . int($_[0] * $rows)) }
sub interrupted
{
	my ($how) = @_;
	$node->poll_query_until('crashed', "SELECT status = 'interrupted' FROM ipam.async_session_status WHERE id = $session");
	is(sql('crashed', 'SELECT ipam.is_schema_conversion_required(), ipam.is_schema_conversion_in_progress()'), 't|f', "$how: nobody is at it any more");
	my $done = sql('crashed', 'SELECT ' . addresses_done());
	ok($done > 0 && $done < $rows, "$how: in mid conversion");
	is(sql('crashed', "SELECT count(*) FROM ipam.ip_address WHERE (id <= $done) <> (address_text IS NOT NULL)"), 0, "$how: what is recorded as converted is, and nothing else");
	sql('crashed', "CALL ipam.resume_async_session($session)");
}

my $bad = int(0.15 * $rows);
sql('crashed', "ALTER TABLE ipam.ip_address ADD CONSTRAINT bad CHECK (id <> $bad OR address_text IS NULL) NOT VALID");
$session = start_conversion('crashed');
ended('crashed', $session);
is(sql('crashed', "SELECT status, sqlstate, message ~ 'violates check constraint \"bad\"' FROM ipam.async_session_status WHERE id = $session"), 'failed|23514|t',
	'a batch that fails ends the session');
my $water = sql('crashed', 'SELECT ' . addresses_done());
ok($water > 0 && $water < $bad, 'the batches before it are done');
is(sql('crashed', 'SELECT ipam.is_schema_conversion_required()'), 't', 'the store is still to be converted');
is(code('crashed', "CALL ipam.resume_async_session($session)"), 'IP016', 'a session that has failed cannot be resumed');
sql('crashed', 'ALTER TABLE ipam.ip_address DROP CONSTRAINT bad');
$session = start_conversion('crashed');
wait_for('crashed', addresses_done() . " > $water");
is(sql('crashed', "SELECT after FROM ipam.conversion_log WHERE after::bigint >= $water ORDER BY id LIMIT 1"), $water, 'a new session goes on where it stopped');

reach(0.25);
kill 'KILL', worker('crashed', $session);
interrupted('kill -9');
like(slurp_file($node->logfile), qr/all server processes terminated; reinitializing/, 'kill -9: the server recovered');

reach(0.4);
$node->stop('immediate');
$node->start;
interrupted('immediate shutdown');

reach(0.5);
sql('crashed', "SELECT pg_terminate_backend(pid) FROM ipam.async_session_status WHERE id = $session");
ended('crashed', $session);
like(outcome('crashed', $session), qr/^57(P01|014)$/, 'pg_terminate_backend() ends the session');
$session = start_conversion('crashed');

reach(0.6);
sql('crashed', "SELECT pg_cancel_backend(pid) FROM ipam.async_session_status WHERE id = $session");
ended('crashed', $session);
is(outcome('crashed', $session), '57014', 'pg_cancel_backend() ends the session');
$session = start_conversion('crashed');

reach(0.7);
sql('crashed', "CALL ipam.cancel_async_session($session)");
ended('crashed', $session);
is(outcome('crashed', $session), '57014', 'cancel_async_session() ends the session');
cmp_ok(sql('crashed', 'SELECT ' . addresses_done()), '<', $rows, 'all of that in mid conversion');
sql('postgres', 'ALTER DATABASE crashed RESET ipam.work_share');
$session = start_conversion('crashed');
ended('crashed', $session);
is(outcome('crashed', $session), 'success', 'the last session completes');
is_converted('crashed', $rows, 'crashed');
is(fingerprint('crashed'), $expected, 'crashed: the store is the same as without all that');
sql('postgres', 'DROP DATABASE crashed');

# --- the foreground, versions, and a row that somebody keeps ------------------------------------

sql('postgres', 'CREATE DATABASE small');
sql('small', q{CREATE EXTENSION ipam VERSION '1.0' CASCADE});
is(code('small', 'CALL ipam.convert_schema()'), 'IP013', 'before provisioning there is nothing to convert');
sql('small', 'CALL ipam.provision()');
load('small', 2000);
is(code('small', 'CALL ipam.convert_schema()'), 'IP812', 'no conversion is required');
sql('small', 'ALTER EXTENSION ipam UPDATE');

sub code_of_version { return code('small', "BEGIN; UPDATE ipam.common_property SET value = $_[0] WHERE name = 'DatabaseSchemaVersion'; CALL ipam.convert_schema()") }
is(code_of_version(q{'0.9'}), 'IP813', 'no way leads from there');
is(code_of_version(q{'2.0'}), 'IP814', 'the store is newer');
is(code_of_version(q{'1.100'}), 'IP814', 'versions are compared as numbers');
is(code_of_version($_), 'IP815', "$_ is not a version") for q{'one'}, q{'1.'}, q{''}, q{'99999999999.0'}, 'NULL';

is(sql('small', 'BEGIN; CALL ipam.convert_schema(); SELECT ipam.is_schema_conversion_required(); ROLLBACK; SELECT ipam.is_schema_conversion_required()'), "f\nt",
	'in a transaction block it belongs to the transaction');

# From 0.9 over 1.0, where nothing is to convert, to 1.99.
sql('small', q{INSERT INTO ipam.schema_conversion VALUES ('0.9', '1.0'), ('0.9', '0.95'), ('0.95', '1.0'), ('1.0', '0.9');
	UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion'});
is(sql('small', 'SELECT * FROM ipam.get_schema_conversion_info()'), 't|0.9|1.0|1.99', 'the shortest way over another version');

my $keeper = $node->background_psql('small');
$keeper->query_safe('BEGIN; SELECT FROM ipam.ip_address WHERE id = 1500 FOR UPDATE');
sub in_foreground
{
	my ($call) = @_;
	my ($out, $err) = ('', '');
	return IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-h', $node->host, '-p', $node->port, '-d', 'small', '-c', "CALL $call" ], '>', \$out, '2>', \$err), \$err;
}
sub in_the_foreground_until
{
	my ($how, $call, $end, $code) = @_;
	my ($run, $error) = in_foreground($call);
	# The view has the pid once the process has the lock and the session is committed.
	wait_for('small', "EXISTS (SELECT FROM ipam.async_session_status WHERE pid IS NOT NULL) AND " . addresses_done() . ' >= 1490');
	sql('small', $end);
	$run->finish;
	like($$error, qr/$code/, $how);
}
my $at_work = 'FROM ipam.async_session_status WHERE pid IS NOT NULL';
in_the_foreground_until('foreground: pg_terminate_backend()', 'ipam.convert_schema()', "SELECT pg_terminate_backend(pid) $at_work", 'FATAL:  57P01');
$session = session('small');
wait_for('small', "(SELECT status FROM ipam.async_session_status WHERE id = $session) = 'interrupted'");
in_the_foreground_until('foreground: cancel_async_session() of the same session, resumed', "ipam.run_async_session($session)", "CALL ipam.cancel_async_session($session)", 'ERROR:  57014');
in_the_foreground_until('foreground: pg_cancel_backend()', 'ipam.convert_schema()', "SELECT pg_cancel_backend(pid) $at_work", 'ERROR:  57014');
is(outcome('small', session('small')), '57014', 'foreground: the session has ended');
cmp_ok(sql('small', 'SELECT ' . addresses_done()), '<', 1500, 'batches come near a row that somebody keeps, and wait');
is(sql('small', q{SELECT value FROM ipam.common_property WHERE name = 'DatabaseSchemaVersion'}), '1.0', 'the version on the way was reached');
$keeper->query_safe('COMMIT');
$keeper->quit;
is(code('small', 'CALL ipam.convert_schema()'), 'none', 'foreground: a new session completes');
is(sql('small', 'SELECT step, steps FROM ipam.async_session ORDER BY id DESC LIMIT 1'), '6|6', 'foreground: after the steps that were left');
is_converted('small', 2000, 'foreground');
sql('small', q{UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion'; CALL ipam.convert_schema()});
is(sql('small', 'SELECT step, steps FROM ipam.async_session ORDER BY id DESC LIMIT 1'), '7|7', 'the steps of all versions on the way are counted');
is(sql('small', 'SELECT count(*) FROM ipam.ip_address WHERE conversions <> 1'), 0, 'a store converted twice is converted once');
{
	# Resting nearly all the time: the cancel comes between two steps.
	local $ENV{PGOPTIONS} = '-c ipam.work_share=1';
	sql('small', q{UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion'});
	my ($run, $error) = in_foreground('ipam.convert_schema()');
	wait_for('small', "EXISTS (SELECT FROM ipam.async_session_status JOIN pg_stat_activity USING (pid) WHERE wait_event_type = 'Extension')");
	sql('small', "SELECT pg_cancel_backend(pid) $at_work");
	$run->finish;
	like($$error, qr/ERROR:  57014/, 'foreground: pg_cancel_backend() between two steps');
	is(outcome('small', session('small')), '57014', 'foreground: the session has ended, too');
}

# A step that does nothing, and does not end either, must not go on for ever.
sql('small', q{CREATE FUNCTION public.idle(text, integer, OUT rows bigint, OUT high_water text, OUT finished boolean) LANGUAGE sql AS $$SELECT 0, $1, false$$;
	INSERT INTO ipam.schema_conversion_step VALUES ('0.9', '1.0', 1, 'idle', false, 'public.idle');
	UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion'});
is(code('small', q{SET statement_timeout = '30s'; CALL ipam.convert_schema()}), 'XX000', 'a step that does not go on fails');

$node->stop;
done_testing();
