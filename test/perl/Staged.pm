# A PostgreSQL::Test::Cluster node whose server finds the staged build of ipam.
#
#   my $node = Staged->node('main');                      # initialised
#   $node->start;
#
# Further arguments go to init(), for example allows_streaming => 1.
#
#   my $old = Staged->old_node('old');                    # of IPAM_OLD_INSTALL, if that is set
package Staged;

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

sub node
{
	my ($class, $name, %init) = @_;
	my $settings = $ENV{IPAM_STAGED_CONF} or die 'run the tests with "make tap"';
	return prepared(PostgreSQL::Test::Cluster->new($name), $settings, %init);
}

sub old_node
{
	my ($class, $name, %init) = @_;
	my $install = $ENV{IPAM_OLD_INSTALL} or return $class->node($name, %init);
	return prepared(PostgreSQL::Test::Cluster->new($name, install_path => $install), $ENV{IPAM_OLD_STAGED_CONF}, %init);
}

sub prepared
{
	my ($node, $settings, %init) = @_;
	$node->init(%init);
	$node->append_conf('postgresql.conf', PostgreSQL::Test::Utils::slurp_file($settings));
	return $node;
}

1;
