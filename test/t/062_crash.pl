# The server dies at any moment under clients that keep books of what it has acknowledged. After each recovery all of that
# is there and nothing else, nothing is given out twice, and everything goes on. See test/crash.
#
#   IPAM_CRASH_ROUNDS  how often
#   IPAM_CRASH_SEED    chooses what is done and how the server dies
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my ($python) = grep { IPC::Run::run([ $_, '-c', 'import psycopg' ], '>&', \my $nothing) } 'python3', '/usr/bin/python3';
plan skip_all => 'no python3 with psycopg (python3-psycopg)' unless $python;

my $node = Staged->node('crash');
$node->append_conf('postgresql.conf', join "\n", 'fsync = on', 'full_page_writes = on', 'synchronous_commit = on', 'restart_after_crash = on', 'jit = off',
	'max_prepared_transactions = 20', 'max_wal_size = 64MB', 'autovacuum_naptime = 1s', 'wal_writer_delay = 10s', '');
$node->start;
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'crash', PYTHONDONTWRITEBYTECODE => 1, PYTHONHASHSEED => 0);
my $ok = IPC::Run::run([ $python, 'test/crash/crash.py', $ENV{IPAM_CRASH_SEED} // 1, $ENV{IPAM_CRASH_ROUNDS} // 5, $node->data_dir ], '>&', \my $out);
ok($ok, 'after each crash the store is what was acknowledged') ? note($out) : diag($out);
$node->stop;
done_testing();
