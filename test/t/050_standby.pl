# On a streaming hot standby the reading functions answer, the writing statements fail with PostgreSQL's
# own error.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use Test::More;
use Staged;

my $primary = Staged->node('primary', allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION ipam CASCADE;
	CALL ipam.provision();
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan');
	INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.20');
	INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.10'), ('10.0.0.12')});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $free = 'SELECT string_agg(host(free), $$ $$) FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id, count => 3) AS free';
is($standby->safe_psql('postgres', $free), '10.0.0.11 10.0.0.13 10.0.0.14', 'free addresses on the standby');
$primary->safe_psql('postgres', q{INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.11')});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $free), '10.0.0.13 10.0.0.14 10.0.0.15', 'what the primary records is not free on the standby');
is($standby->safe_psql('postgres', 'SELECT string_agg(free::text, $$ $$) FROM ipam.ip_range AS r, ipam.free_ranges(r.id) AS free'),
	'[10.0.0.13,10.0.0.20]', 'gaps on the standby');
is($standby->safe_psql('postgres', 'SELECT string_agg(free::text, $$ $$) FROM ipam.ip_subnet AS s, ipam.get_free_ip_ranges(s.id, 100, 2) AS free'),
	'[10.0.0.21,10.0.0.120] [10.0.0.121,10.0.0.220]', 'room on the standby');

my ($status, undef, $error) = $standby->psql('postgres', q{INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.13')});
isnt($status, 0, 'nothing is recorded on the standby');
like($error, qr/cannot execute INSERT in a read-only transaction/, 'and the error says why');

$standby->promote;
is($standby->safe_psql('postgres', q{INSERT INTO ipam.ip_address (address) SELECT free FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id) AS free RETURNING address}),
	'10.0.0.13', 'after promotion it goes on where the primary was');

$standby->stop;
$primary->stop;
done_testing();
