# A PostgreSQL::Test::Cluster node whose server finds the staged build of ipam.
#
#   my $node = Staged->node('main');                      # initialised
#   $node->start;
#
# Further arguments go to init(), for example allows_streaming => 1.
package Staged;

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

sub node
{
	my ($class, $name, %init) = @_;
	my $settings = $ENV{IPAM_STAGED_CONF} or die 'run the tests with "make tap"';
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%init);
	$node->append_conf('postgresql.conf', PostgreSQL::Test::Utils::slurp_file($settings));
	return $node;
}

1;
