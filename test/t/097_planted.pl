# Objects that an attacker has planted, before CREATE EXTENSION or after it, change nothing: no session that uses the
# extension, no trigger and no background worker calls one of them, whatever the search_path says. See test/hostile.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my ($python) = grep { IPC::Run::run([ $_, '-c', 'import psycopg' ], '>&', \my $nothing) } 'python3', '/usr/bin/python3';
plan skip_all => 'no python3 with psycopg (python3-psycopg)' unless $python;

my $node = Staged->node('planted');
$node->append_conf('postgresql.conf', "jit = off\nlog_statement = none\nlog_min_error_statement = panic\nlog_min_messages = log");
$node->start;
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PYTHONDONTWRITEBYTECODE => 1, PYTHONHASHSEED => 0);
delete $ENV{PGOPTIONS};
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN');

sub planted
{
	my ($name, $seed, @arguments) = @_;
	my $ok = IPC::Run::run([ $python, 'test/hostile/planted.py', $name, @arguments, $seed ], '<', \undef, '>&', \my $said);
	ok($ok, "$name: @arguments") ? note($said) : diag($said);
}

# mallory may create objects in public; the database has her schema before the server's own.
sub plant
{
	my ($name) = @_;
	$node->safe_psql($name, 'GRANT CREATE ON SCHEMA public TO mallory');
	local $ENV{PGUSER} = 'mallory';
	planted($name, 1, 'plant');
}

# As a superuser: the extension, and a store that a background worker has provisioned.
sub install
{
	my ($name) = @_;
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $name, '-o', '/dev/null', '-c', 'CREATE EXTENSION ipam CASCADE',
			'-c', 'CALL ipam.initialize_async_provisioning()', '-c', 'CALL ipam.start_async_provisioning(1)' ], "$name: the extension is created");
	wait_until_configured($name);
}

sub wait_until_configured
{
	my ($name) = @_;
	local $ENV{PGOPTIONS} = '-c search_path=pg_catalog';
	ok($node->poll_query_until($name, 'SELECT ipam.is_ipam_configured()'), "$name: and provisioned");
}

$node->safe_psql('postgres', "CREATE DATABASE $_; ALTER DATABASE $_ SET search_path = public, pg_catalog") for 'before', 'after';
# btree_gist goes into public itself, where a planted operator would keep it from being created.
$node->safe_psql('before', 'CREATE EXTENSION btree_gist');
plant('before');
install('before');
install('after');
for my $name ('before', 'after')
{
	local $ENV{PGOPTIONS} = '-c search_path=pg_catalog -c client_min_messages=warning';
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $name, '-o', '/dev/null', '-f', 'test/hostile/plan.sql' ], "$name: a plan");
}
$node->safe_psql('after', 'GRANT ipam_users TO mallory');
plant('after');
# A session goes on past objects that were planted since.
for my $calls ([ 'CALL ipam.provision()' ], [ 'CALL ipam.initialize_async_provisioning() \gset', 'CALL ipam.start_async_provisioning(:session_id)' ])
{
	my $script = join("\n", q{UPDATE ipam.common_property SET value = NULL WHERE name OPERATOR(pg_catalog.=) 'IpamConfiguredDate';}, map { /gset/ ? $_ : "$_;" } @$calls);
	ok(IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'after', '-o', '/dev/null' ], '<', \$script), "after: @$calls");
	wait_until_configured('after');
}
planted($_, 1, 'call') for 'before', 'after';
{
	local $ENV{PGOPTIONS} = '-c search_path=pg_catalog';
	is($node->safe_psql($_, 'SELECT * FROM ipam.check_plan()'), '', "$_: the plan is right") for 'before', 'after';
}

my $log = slurp_file($node->logfile);
my %called;
$called{$_}++ for $log =~ /LOG:  planted: (.*)/g;
note("called:\n$1") while $log =~ /(LOG:  planted: .*\n.*CONTEXT: .*\n(?:\t.*\n)*)/g;
is(join("\n", sort keys %called), '', 'no planted object was called');

# Had one been called, we would know.
$node->psql('after', q{SELECT lower('10.0.0.1'::pg_catalog.inet)});
$log = slurp_file($node->logfile, length $log);
is(join(' ', $log =~ /LOG:  planted: (.*)/g), 'lower(pg_catalog.inet)', 'the trap works');

# --- a schema ipam that is there before ---------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE theirs; GRANT CREATE ON DATABASE theirs TO mallory');
$node->safe_psql('theirs', 'CREATE EXTENSION btree_gist; SET ROLE mallory; CREATE SCHEMA ipam');
$node->psql('theirs', 'CREATE EXTENSION ipam', stderr => \my $refused);
like($refused, qr/ERROR:  schema "ipam" is there already and belongs to role "mallory"\n.*\nHINT:  .*ALTER SCHEMA ipam OWNER TO CURRENT_USER/, 'her schema is not taken');
$node->safe_psql('theirs', 'SET ROLE mallory; CREATE FUNCTION ipam.raise_fault(fault name) RETURNS boolean LANGUAGE sql RETURN true');
$node->safe_psql('theirs', 'ALTER SCHEMA ipam OWNER TO CURRENT_USER');
$node->psql('theirs', 'CREATE EXTENSION ipam', stderr => \$refused);
like($refused, qr/ERROR:  schema "ipam" is not empty\nDETAIL:  There is function ipam.raise_fault\(name\)/, 'nor what she has left in it');
$node->safe_psql('theirs', 'DROP FUNCTION ipam.raise_fault(name); CREATE EXTENSION ipam; CALL ipam.provision()');
is($node->safe_psql('theirs', 'SELECT ipam.is_ipam_configured()'), 't', 'an empty one of a superuser is good');
$node->stop;
done_testing();
