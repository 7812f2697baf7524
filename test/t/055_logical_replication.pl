# Logical replication of the plan as docs/operations.md tells it: the first copy and all that follows give the
# subscriber the same plan, with occupancy of its own that stays right, and after a switch-over it goes on.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;
use Store;

my $page = slurp_file('docs/operations.md');
my ($publication) = $page =~ /^(CREATE PUBLICATION plan .*?;)$/ms or die;
my ($set_sequences) = $page =~ /^(SELECT s\.seqrelid.*?;)$/ms or die;
my @tables = $publication =~ /ipam\.(\w+)/g;

my $publisher = Staged->node('publisher', allows_streaming => 'logical');
$publisher->start;
$publisher->safe_psql('postgres', 'CREATE DATABASE plan');
fill_store($publisher, 'plan');
$publisher->safe_psql('plan', $publication);
my $subscriber = Staged->node('subscriber');
$subscriber->append_conf('postgresql.conf', 'max_sync_workers_per_subscription = 4');
$subscriber->start;
$subscriber->safe_psql('postgres', 'CREATE DATABASE plan');
$subscriber->safe_psql('plan', 'CREATE EXTENSION ipam CASCADE');
is($subscriber->safe_psql('plan', 'SELECT count(*) FROM ipam.custom_field'), 0, 'the subscriber is not provisioned');

# A table that is forgotten in the publication is one that a server keeps for itself.
my %own = map { ($_ => 1) } qw(plan_lock occupancy occupancy_hole async_session schema_conversion schema_conversion_step schema_conversion_progress
	special_purpose_network task_run range_utilization_history range_utilization_status block_utilization_history expiry_event);
is_deeply([ grep { !$own{$_} } split /\n/, $publisher->safe_psql('plan', q{
	SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind = 'r' ORDER BY 1}) ], [ sort @tables ], 'each other table is published');

# --- the first copy, while the publisher is in use ------------------------------------------------------

$publisher->safe_psql('plan', q{INSERT INTO ipam.ip_range (start_address, end_address, description) VALUES ('198.18.128.1', '198.18.255.254', 'busy')});
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/use", q{
	SELECT count(*) FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id, 3, device_name => 'load') AS a WHERE r.description = 'busy';
	DELETE FROM ipam.ip_address WHERE device_name = 'load' AND id % 3 = 0;
	INSERT INTO ipam.ip_subnet (network, name) SELECT network(set_masklen('100.80.0.0'::inet + 256 * (random() * 1000)::integer, 24)), 'load' ON CONFLICT DO NOTHING;
});
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-T', '60', '-f', "$folder/use", $publisher->connstr('plan') ], '>', '/dev/null', '2>', '/dev/null');
$subscriber->safe_psql('plan', sprintf q{CREATE SUBSCRIPTION plan CONNECTION '%s' PUBLICATION plan}, $publisher->connstr('plan') =~ s/'/''/gr);
$subscriber->wait_for_subscription_sync($publisher, 'plan', 'plan');
$load->kill_kill;
$publisher->poll_query_until('plan', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgbench'});

sub is_same_plan
{
	my ($how) = @_;
	$publisher->wait_for_catchup('plan');
	my ($there, $here) = (store_rows($publisher, 'plan'), store_rows($subscriber, 'plan'));
	same_rows($here, { map { ($_ => $there->{$_}) } @tables }, $how);
	is_sound($subscriber, 'plan', $how);
	my $free = q{SELECT string_agg(r.id || ' ' || host(f), ' ' ORDER BY r.id, f) FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id, count => 5) AS f WHERE r.managed_by <> 'MS DHCP'};
	is($subscriber->safe_psql('plan', $free), $publisher->safe_psql('plan', $free), "$how: the same addresses are free");
}
is_same_plan('first copy');
$subscriber->safe_psql('plan', 'SELECT ipam.create_security_groups(), ipam.grant_rights()');
$subscriber->safe_psql('plan', 'CALL ipam.rebuild_occupancy()');
is($subscriber->safe_psql('plan', 'SELECT count(*) > 0 FROM ipam.occupancy WHERE is_confirmed'), 't', 'the subscriber has occupancy of its own');
is($subscriber->safe_psql('plan', q{SET ROLE ipam_users; SELECT count(*) > 0 FROM ipam.ip_address}), 't', 'and its security groups have their rights');

# --- what follows ---------------------------------------------------------------------------------------

my @changes = (
	[ 'releases in full stretches', q{DELETE FROM ipam.ip_address WHERE address IN ('198.18.30.30', '198.18.50.50'); UPDATE ipam.ip_address SET address = '198.18.100.100' WHERE address = '198.18.35.35'} ],
	[ 'a range that shrinks, and one that grows', q{UPDATE ipam.ip_range SET end_address = '198.18.62.0' WHERE description = 'full'; UPDATE ipam.ip_range SET end_address = '198.18.255.0' WHERE description = 'busy'} ],
	[ 'allocation, and releases into quarantine', q{
		SELECT count(a) FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id, 9, device_name => 'leaves') AS a WHERE r.description = 'quarantine';
		DELETE FROM ipam.ip_address WHERE device_name = 'leaves'} ],
	[ 'a block and a subnet around and inside what is there', q{INSERT INTO ipam.ip_block (network) VALUES ('10.1.0.0/17'); INSERT INTO ipam.ip_subnet (network, name) VALUES ('198.18.16.0/20', 'inside')} ],
	[ 'values and fields that are renamed', q{UPDATE ipam.custom_field_value SET value = 'kea2' WHERE value = 'kea1'; UPDATE ipam.custom_field SET name = 'Surroundings' WHERE name = 'Environment'} ],
	[ 'a change of what is used for utilization', q{SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE name LIKE 'nested %' AND id % 4 = 0 ORDER BY id} ],
	[ 'deletions with what hangs on them', q{SELECT ipam.delete_range(id) FROM ipam.ip_range WHERE description = 'busy'; SELECT ipam.delete_subnet(id, delete_ranges => true) FROM ipam.ip_subnet WHERE network = '10.1.4.0/22'; SELECT ipam.delete_address_space(id) FROM ipam.address_space WHERE name = 'Tunnelled'} ],
);
for my $change (@changes)
{
	$publisher->safe_psql('plan', $change->[1]);
	is_same_plan($change->[0]);
}
is($subscriber->safe_psql('plan', q{SELECT count(*) > 0 FROM ipam.occupancy WHERE is_confirmed}), 't', 'the occupancy of the subscriber is still there');

# --- switch-over ----------------------------------------------------------------------------------------

$publisher->wait_for_catchup('plan');
$subscriber->safe_psql('plan', 'DROP SUBSCRIPTION plan');
my (undef, undef, $error) = $subscriber->psql('plan', q{INSERT INTO ipam.ip_address (address) VALUES ('203.0.113.200')});
like($error, qr/duplicate key|already/, 'sequences are not replicated');
is(scalar(split /\n/, $subscriber->safe_psql('plan', $set_sequences)), 10, 'but set by a statement');
goes_on($subscriber, 'plan', 'switched over', next => '198.18.0.40', free => '198.18.20.20 198.18.30.30 198.18.35.35 198.18.41.41 198.18.50.50');

$publisher->stop;
$subscriber->stop;
done_testing();
