# The listening examples of docs/notifications.md, run as they stand there: each prints the start, every
# checkpoint in order and the end, and fails where the store has been provisioned. And a payload stays
# small, however long the texts of a fault are.
use strict;
use warnings;
use IPC::Run qw(run timeout);
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->start;

sub fresh_database
{
	my ($name) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE EXTENSION ipam CASCADE');
}

# --- the examples -----------------------------------------------------------------------------------------

my @steps = split /\n/, do
{
	fresh_database('steps');
	$node->safe_psql('steps', 'SELECT unnest(ipam.provisioning_steps())');
};
is(scalar(@steps), 8, 'provisioning has 8 steps');
my @expected = (
	'Start - -',
	(map { sprintf 'Checkpoint %s %g', $steps[$_], 100 * ($_ + 1) / @steps } 0 .. $#steps),
	"Complete $steps[-1] 100");

# Output of an example as lines "event step percent"; psql shows the JSON itself.
sub events
{
	my @events;
	for (split /\n/, $_[0])
	{
		if (/^Asynchronous notification "ipam_provisioning" with payload "(.*)" received from server process/)
		{
			my $message = decode_json($1);
			$_ = join ' ', $message->{event}, $message->{step_name} // '-', $message->{percent} // '-';
		}
		my ($event, $step, $percent) = /^NotifyAsyncProvision(\w+) (.*) (\S+)$/ or push(@events, $_), next;
		push @events, "$event $step " . ($percent eq '-' ? '-' : sprintf '%g', $percent);
	}
	return \@events;
}

my $user = $node->safe_psql('postgres', 'SELECT current_user');

# Status, output and errors of an example in a database.
sub run_example
{
	my ($database, @command) = @_;
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => $user, PGDATABASE => $database);
	my ($out, $errors);
	run(\@command, '<', \undef, '>', \$out, '2>', \$errors, timeout(60));
	return ($? >> 8, $out, $errors);
}

# The first command that succeeds, or none.
sub first_that_works
{
	return (grep { eval { run($_, '<', \undef, '>', \my $out, '2>', \my $errors) } } @_)[0];
}

# Debian's node finds Debian's modules by itself, another one has to be told.
$ENV{NODE_PATH} = join ':', grep { defined } $ENV{NODE_PATH}, '/usr/share/nodejs';

my $python = first_that_works(map { [ $_, '-c', 'import psycopg' ] } 'python3', '/usr/bin/python3');
my $javascript = first_that_works([ 'node', '-e', 'require("pg")' ]);
my @examples = (
	{ file => 'listen.sql', language => 'sql', command => [ 'psql', '-X', '-q', '-f' ], failure => 3 },
	{ file => 'listen.py', language => 'python', command => $python && [ $python->[0] ], failure => 1,
	  missing => 'no python3 with psycopg (python3-psycopg)' },
	{ file => 'listen.js', language => 'js', command => $javascript && [ $javascript->[0] ], failure => 1,
	  missing => 'no node with pg (node-pg)' });
my $page = slurp_file('docs/notifications.md');

for my $example (@examples)
{
	my ($file, $failure) = @$example{qw(file failure)};
	ok(index($page, "```$example->{language}\n" . slurp_file("docs/examples/$file") . "```\n") >= 0, "$file: the page shows it as it is");
  SKIP:
	{
		skip "$file: $example->{missing}", 6 unless $example->{command};
		my @command = (@{ $example->{command} }, "docs/examples/$file");

		my $database = $file =~ s/\W/_/r;
		fresh_database($database);
		my ($status, $out, $errors) = run_example($database, @command);
		is($status, 0, "$file: succeeds") or diag($errors);
		is_deeply(events($out), \@expected, "$file: start, each step in order, complete");
		is($node->safe_psql($database, 'SELECT ipam.is_ipam_configured()'), 't', "$file: the store is provisioned");

		($status, $out, $errors) = run_example($database, @command);
		is($status, $failure, "$file: fails where the store has been provisioned");
		like($errors, qr/the store has been provisioned already/, "$file: and says so");

		# A step that fails: the session starts, and its end says what happened.
		fresh_database("${database}_fails");
		break_step("${database}_fails", q{'there is no room'});
		($status, $out, $errors) = run_example("${database}_fails", @command);
		is_deeply([ $status, events($out)->[-1], $errors =~ /there is no room/ ? 'said' : $errors ],
			[ $failure, "Complete $steps[2] 37.5", 'said' ], "$file: fails with a step and says why");
	}
}

# --- the size of a payload --------------------------------------------------------------------------------

# The step of the logical groups fails with this text as its message, detail and hint.
sub break_step
{
	my ($database, $text) = @_;
	$node->safe_psql($database, qq{
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$
		BEGIN
			RAISE EXCEPTION USING ERRCODE = 'XX123', MESSAGE = $text, DETAIL = $text, HINT = $text;
		END
		\$\$;
		CREATE TRIGGER refuse BEFORE INSERT ON ipam.logical_group FOR EACH ROW EXECUTE FUNCTION refuse()});
}

# Texts of 100 kB: of one byte, of characters of two to four bytes, of characters that JSON writes as two or six.
my %texts = (
	ascii => q{repeat('x', 100000)},
	multibyte => q{repeat('xä€😀', 10000)},
	escaped => q{repeat(E'"\\\\\n', 33333)},
	control => q{repeat(chr(1), 100000)});
my $json = JSON::PP->new->utf8->allow_nonref;
for my $kind (sort keys %texts)
{
	my ($database, $text) = ("long_$kind", $texts{$kind});
	fresh_database($database);
	break_step($database, $text);
	my (undef, $out) = $node->psql($database, 'LISTEN ipam_provisioning; CALL ipam.provision()', on_error_stop => 0);
	my @payloads = $out =~ /with payload "(.*)" received from server process/g;
	is(scalar(grep { length > 7900 } @payloads), 0, "$kind: no payload exceeds 7900 bytes");
	my $message = eval { decode_json($payloads[-1]) } // {};
	is_deeply([ @$message{qw(event result)}, $message->{exception}{sqlstate} ], [ 'NotifyAsyncProvisionComplete', 'Failure', 'XX123' ],
		"$kind: the payload is JSON");
	is($node->safe_psql($database, "SELECT DISTINCT m IN ($text) FROM ipam.async_session, unnest(ARRAY[message, detail, hint]) AS m"),
		't', "$kind: the session has all of it");
	for my $part (qw(message detail hint))
	{
		my $cut = $message->{exception}{$part} // '';
		my $bytes = length($json->encode($cut));
		ok($bytes <= 1000 && $bytes > 980, "$kind: the $part takes the room that it has") or diag("$bytes bytes");
		utf8::encode($cut);
		my $whole = $node->safe_psql($database, "SELECT $part FROM ipam.async_session");
		ok($cut =~ s/\.\.\.\z// && index($whole, $cut) == 0, "$kind: the $part is its beginning and the mark");
	}
}

$node->stop;
done_testing();
