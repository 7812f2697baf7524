# The primary dies while clients allocate and release, the synchronous standby takes over: what a client was
# told is recorded stays recorded, nothing is given out twice, and allocation goes on. The former primary is
# rewound and follows.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Staged;

my $clients = 4;
my $seconds = $ENV{IPAM_LOAD_SECONDS} || 5;
my $primary = Staged->node('primary', allows_streaming => 1);
$primary->append_conf('postgresql.conf', "wal_log_hints = on\nwal_keep_size = 1GB\nmax_wal_size = 4GB");
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION ipam CASCADE;
	CALL ipam.provision();
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'large'), ('2001:db8::/64', 'six');
	INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.0/8', '10.0.0.1', '10.255.255.254'), ('2001:db8::/64', '2001:db8::1:0', '2001:db8::ffff:ffff');
	INSERT INTO ipam.ip_address (address) SELECT '10.0.0.1'::inet + n FROM generate_series(0, 20000) AS n;
	CALL ipam.rebuild_occupancy()});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf()});
$primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'});

# --- the load -------------------------------------------------------------------------------------------

# A client keeps a log of what it was told: a line comes only after its commit. The last statement of a client
# may be done or not.
my $folder = PostgreSQL::Test::Utils::tempdir();
sub start_clients
{
	my ($node, $round, $steps) = @_;
	my @running;
	for my $client (1 .. $clients)
	{
		my $name = "client $round.$client";
		my $script = join '', map { my $range = 1 + ($_ + $client) % 2; qq{
			SELECT '+' || host(address) FROM ipam.allocate_ip_addresses($range, 3, device_name => '$name', owner => '$_');
			WITH gone AS (DELETE FROM ipam.ip_address WHERE device_name = '$name' AND owner = '} . ($_ - 2) . qq{' AND id % 2 = 0 RETURNING address) SELECT '-' || host(address) FROM gone;
		} } 1 .. $steps;
		append_to_file("$folder/$name.sql", $script);
		push @running, IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/$name.sql", '-o', "$folder/$name.log", $node->connstr('postgres') ],
			'<', '/dev/null', '2>', "$folder/$name.err");
	}
	return @running;
}

my @running = start_clients($primary, 1, 20_000);
usleep(1_000_000 * $seconds);
$primary->stop('immediate');
$_->finish for @running;
$standby->promote;
like(slurp_file("$folder/client 1.$_.err"), qr/server closed the connection|terminating connection|connection to server was lost/, "client $_ was in the middle of its work") for 1 .. $clients;

# --- what the clients know ------------------------------------------------------------------------------

# Compares the logs of a round with what is recorded; gives how many addresses the clients have allocated.
sub compare
{
	my ($node, $round) = @_;
	my (%owner, @twice, @lost, @extra);
	my $allocated = 0;
	for my $client (1 .. $clients)
	{
		my %has;
		for my $line (split /\n/, slurp_file("$folder/client $round.$client.log"))
		{
			my ($sign, $address) = $line =~ /^([+-])(\S+)$/ or next;
			if ($sign eq '+')
			{
				$has{$address} = 1;
				$allocated++;
			}
			else
			{
				delete $has{$address};
			}
		}
		my %recorded = map { ($_ => 1) } split /\n/, $node->safe_psql('postgres', "SELECT host(address) FROM ipam.ip_address WHERE device_name = 'client $round.$client'");
		# Its last statement is the one that it was not told of: a release of two at most, or an allocation of three.
		my @gone = grep { !$recorded{$_} } sort keys %has;
		push @lost, @gone if @gone > 2;
		push @extra, "client $client" if grep({ !$has{$_} } keys %recorded) > 3;
		delete @has{@gone};
		push @twice, grep { $owner{$_}++ } sort keys %has;
	}
	is("@twice", '', "round $round: no address was given out twice");
	is("@lost", '', "round $round: none that a client was told of is lost");
	is("@extra", '', "round $round: none is recorded that nobody asked for");
	return $allocated;
}
cmp_ok(compare($standby, 1), '>', 100, 'round 1: there was something to compare');
is($standby->safe_psql('postgres', 'SELECT * FROM ipam.check_occupancy()'), '', 'promoted: occupancy is right');
is($standby->safe_psql('postgres', 'SELECT * FROM ipam.check_plan()'), '', 'promoted: so is the plan');

# --- the former primary follows -------------------------------------------------------------------------

@running = start_clients($standby, 2, 500);
usleep(1_000_000);
$standby->safe_psql('postgres', 'CHECKPOINT'); # before it, pg_rewind of 15 does not see that it has been promoted
$primary->start; # recovers, with what nobody was told of
$primary->stop;
$primary->command_ok([ 'pg_rewind', '--no-sync', '-D', $primary->data_dir, '--source-server', $standby->connstr('postgres') ], 'pg_rewind, while clients go on with the new primary');
$primary->append_conf('postgresql.conf', sprintf "port = %d\nprimary_conninfo = '%s'\nrecovery_target_timeline = 'latest'", $primary->port, $standby->connstr);
$primary->append_conf('postgresql.auto.conf', q{synchronous_standby_names = ''});
$primary->set_standby_mode;
$primary->start;
$_->finish for @running; # not by a signal: what a client was told, it has yet to write down
$standby->wait_for_catchup($primary);
cmp_ok(compare($primary, 2), '>', 20, 'round 2: there was something to compare, on the former primary');
my $all = 'SELECT a::text FROM ipam.ip_address AS a ORDER BY id';
ok($primary->safe_psql('postgres', $all) eq $standby->safe_psql('postgres', $all), 'the former primary has the same addresses');
is($primary->safe_psql('postgres', 'SELECT * FROM ipam.check_occupancy()'), '', 'and right occupancy');

$primary->stop;
$standby->stop;
done_testing();
