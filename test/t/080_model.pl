# Random operations: one after the other they leave the tables as an independent model in Python says; many at
# a time leave a plan that is right. See test/model.
#
#   IPAM_MODEL_OPERATIONS  how many, of each kind
#   IPAM_MODEL_SEED        which ones: the same seed and number are the same operations
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my ($python) = grep { IPC::Run::run([ $_, '-c', 'import psycopg' ], '>&', \my $nothing) } 'python3', '/usr/bin/python3';
plan skip_all => 'no python3 with psycopg (python3-psycopg)' unless $python;

my $operations = $ENV{IPAM_MODEL_OPERATIONS} // 800;
my $seed = $ENV{IPAM_MODEL_SEED} // 1;

my $node = Staged->node('model');
$node->append_conf('postgresql.conf', "jit = off\nautovacuum_naptime = 1s");
$node->start;
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PYTHONDONTWRITEBYTECODE => 1, PYTHONHASHSEED => 0);

for my $kind ([ 'sequence', 'one after the other: the tables are what the model says' ],
	[ 'clients', 'eight at a time: the plan is right and nothing is lost' ])
{
	my $ok = IPC::Run::run([ $python, "test/model/$kind->[0].py", $seed, $operations ], '>&', \my $out);
	ok($ok, $kind->[1]) ? note($out) : diag($out);
}

$node->stop;
done_testing();
