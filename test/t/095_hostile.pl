# Hostile input: every function and procedure with arguments that make no sense, also by the fast path of the protocol,
# every table with values that make none, our types with bytes that are no values, our tables altered by their owner.
# Nothing crashes, nothing ends in an internal error, takes a text out of its quotes, goes on when it is cancelled or
# takes all memory, and the plan stays as it was. See test/hostile.
#
#   IPAM_HOSTILE_CALLS       how often each function is called, and by the fast path of the protocol; a table gets twice as
#                            many statements, a type a hundred times as many values; four times as many alterations
#   IPAM_HOSTILE_SEED        which arguments: the same seed and number are the same calls
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my ($python) = grep { IPC::Run::run([ $_, '-c', 'import psycopg' ], '>&', \my $nothing) } 'python3', '/usr/bin/python3';
plan skip_all => 'no python3 with psycopg (python3-psycopg)' unless $python;

my $calls = $ENV{IPAM_HOSTILE_CALLS} // 10;
my $seed = $ENV{IPAM_HOSTILE_SEED} // 1;

# Small shared buffers: a backend's share of them counts as its memory.
my $node = Staged->node('hostile', allows_streaming => 1);
$node->append_conf('postgresql.conf', join "\n", 'shared_buffers = 16MB', 'jit = off', 'log_statement = none', "log_line_prefix = '%m [%p] %e %a '", 'log_min_error_statement = panic',
	'log_min_messages = error', 'max_stack_depth = 2MB');
$node->start;
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PYTHONDONTWRITEBYTECODE => 1, PYTHONHASHSEED => 0);
$node->safe_psql('postgres', 'CREATE DATABASE plan');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', 'plan', '-c', 'SET client_min_messages = warning',
		'-c', 'CREATE EXTENSION ipam CASCADE', '-c', 'CALL ipam.provision()', '-f', 'test/hostile/plan.sql' ], 'a plan');
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE plan") for 'calls', 'fast_path', 'writes', 'bytes', 'altered';

my %number = (calls => $calls, fast_path => $calls, writes => 2 * $calls, bytes => 100 * $calls, altered => 4 * $calls);
my (%out, %run);
$run{$_} = IPC::Run::start([ $python, "test/hostile/$_.py", $_, $seed, $number{$_} ], '<', \undef, '>&', \$out{$_}) for sort keys %number;
for my $name (sort keys %run)
{
	ok($run{$name}->finish, "$name: nothing but answers and errors") ? note($out{$name}) : diag($out{$name});
}

my $plan = q{SELECT md5(string_agg(t::text, ' ' ORDER BY t.id)) FROM ipam.%s AS t};
for my $database ('calls', 'fast_path', 'writes', 'altered')
{
	is($node->safe_psql($database, 'SELECT * FROM ipam.check_plan()'), '', "$database: the plan is right");
	is($node->safe_psql($database, 'SELECT * FROM ipam.check_occupancy()'), '', "$database: and so is its occupancy");
	is($node->safe_psql($database, sprintf $plan, $_), $node->safe_psql('plan', sprintf $plan, $_), "$database: $_ is as before")
		for qw(address_space ip_block ip_subnet ip_range ip_address custom_field custom_field_value);
}

# The same calls on a standby: what writes is refused by the server's own words.
if ($calls >= 50)
{
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby);
	local $ENV{PGPORT} = $standby->port;
	local $ENV{PGHOST} = $standby->host;
	my $ok = IPC::Run::run([ $python, 'test/hostile/calls.py', 'calls', $seed, 20 ], '<', \undef, '>&', \my $said);
	ok($ok, 'calls on a standby: nothing but answers and errors') ? note($said) : diag($said);
	$standby->stop;
}

$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|PANIC|TRAP:/, 'no process has crashed');
unlike($log, qr/^.* XX\d\d\d .*$/m, 'nor met an internal error');
done_testing();
