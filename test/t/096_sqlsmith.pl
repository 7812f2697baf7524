# sqlsmith makes queries out of everything that the catalogs offer: the server stays up, meets no internal error, and
# the plan stays right. A member of the administrators' group runs them, who may write all of the plan.
#
#   IPAM_SQLSMITH_SECONDS  for how long
#   IPAM_SQLSMITH_SEED     which queries
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

plan skip_all => 'no sqlsmith' unless eval { IPC::Run::run([ 'sqlsmith', '--help' ], '>&', \my $nothing) };
my $seconds = $ENV{IPAM_SQLSMITH_SECONDS} // 10;
my $seed = $ENV{IPAM_SQLSMITH_SEED} // 1;

my $node = Staged->node('smith');
$node->append_conf('postgresql.conf', join "\n", 'jit = off', 'log_statement = none', "log_line_prefix = '%m [%p] %e '", 'statement_timeout = 2s', 'temp_file_limit = 1GB');
$node->start;
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-o', '/dev/null', '-c', 'SET client_min_messages = warning',
		'-c', 'CREATE EXTENSION ipam CASCADE', '-c', 'CALL ipam.provision()', '-f', 'test/data/sample_plan.sql', '-c', 'CREATE ROLE smith LOGIN IN ROLE ipam_administrators' ], 'a plan');

# It stops by itself only when the server is gone.
my $smith = IPC::Run::start([ 'sqlsmith', '--target=host=' . $node->host . ' port=' . $node->port . ' dbname=postgres user=smith', '--exclude-catalog', '--verbose', "--seed=$seed" ],
	'<', \undef, '>', \my $out, '2>', \my $said);
my $end = time + $seconds;
while (time < $end && $smith->pumpable)
{
	$smith->pump_nb;
	select undef, undef, undef, 0.2;
}
ok($smith->pumpable, "it has gone on for $seconds s");
$smith->signal('TERM');
eval { $smith->finish };
my @queries = $said =~ /^queries: (\d+)/mg;
note(join "\n", grep { /^(queries|AST)|ERROR/ } split /\n/, substr $said // '', -20000);
cmp_ok($queries[-1] // 0, '>', $seconds, "with seed $seed it has made " . ($queries[-1] // 0) . ' queries') if $seconds >= 30;

is($node->safe_psql('postgres', 'SELECT * FROM ipam.check_plan()'), '', 'the plan is right');
is($node->safe_psql('postgres', 'SELECT * FROM ipam.check_occupancy()'), '', 'and so is its occupancy');
$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|PANIC|TRAP:/, 'no process has crashed');
# The server has some of its own, in functions that take what is not meant for people.
my $known = qr/^[^\n]*(interval typmod|failed to find conversion function from unknown|operator class 0\n.*\bamvalidate\()/is;
my @internal = grep { / XX\d\d\d / } split /\n(?=\d{4}-\d\d-\d\d [^\n]* ERROR:)/, $log;
is(join("\n", grep { !/$known/ } @internal), '', 'nor met an internal error');
note(scalar(@internal) . ' internal errors that are known to be the server\'s');
done_testing();
