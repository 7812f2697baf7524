# What a role or a database sets for those who connect does not keep a background worker from its work.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->safe_psql('bare', 'CREATE EXTENSION ipam CASCADE');

# A database with a session that nobody has started.
sub initialized
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE bare");
	return $node->safe_psql($database, 'CALL ipam.initialize_async_provisioning()');
}

# How the session has ended.
sub outcome
{
	my ($database, $id) = @_;
	$node->poll_query_until($database, q{SELECT NOT EXISTS (SELECT FROM ipam.async_session WHERE state IN ('Started', 'InProgress'))
		AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ipam session')}) or die 'waited in vain for the end of the session';
	return $node->safe_psql($database, "SELECT status, step, message FROM ipam.async_session_status WHERE id = $id");
}

# --- A login that becomes another role by itself, and has gone back ------------------------------

my $id = initialized('role');
$node->safe_psql('role', q{
	CREATE ROLE weak NOLOGIN; CREATE ROLE lana LOGIN SUPERUSER; ALTER ROLE lana SET role = weak;
	CREATE TABLE public.seen (session_user_was name, current_user_was name);
	CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (session_user, current_user); RETURN NULL; END $$;
	CREATE TRIGGER look AFTER INSERT ON ipam.logical_group EXECUTE FUNCTION public.look()});
my $lana = [ '-U', 'lana' ];
is($node->safe_psql('role', 'SELECT current_user', extra_params => $lana), 'weak', 'a login has a role of its own');
$node->safe_psql('role', "SET ROLE NONE; CALL ipam.start_async_provisioning($id)", extra_params => $lana);
is(outcome('role', $id), 'completed|8|', 'who has left it provisions as himself');
is($node->safe_psql('role', 'SELECT * FROM public.seen'), 'lana|lana', 'and so does the worker');

# --- Defaults for transactions -------------------------------------------------------------------

$id = initialized('read_only');
my @settings = ("default_transaction_read_only = on", "default_transaction_isolation = 'serializable'", "lock_timeout = '200ms'");
push @settings, "transaction_timeout = '200ms'" if $node->pg_version >= 17;
$node->safe_psql('postgres', "ALTER DATABASE read_only SET $_") for @settings;
{
	local $ENV{PGOPTIONS} = '-c default_transaction_read_only=off -c lock_timeout=0' . ($node->pg_version >= 17 ? ' -c transaction_timeout=0' : '');
	my $starter = $node->background_psql('read_only');
	$starter->query_safe('BEGIN');
	$starter->query_safe("CALL ipam.start_async_provisioning($id)");
	$starter->query_safe('SELECT pg_sleep(0.5)'); # longer than the worker would wait
	$starter->query_safe('COMMIT');
	$starter->quit;
}
is(outcome('read_only', $id), 'completed|8|', 'a worker writes where transactions are read-only by default, and waits for its starter');

$node->stop;
done_testing();
