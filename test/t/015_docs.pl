# What the pages show works as printed: every example runs, every printed result and error is the one
# that comes, every link leads somewhere, and every function has the arguments that its page names.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use File::Basename;
use File::Spec::Functions qw(catfile);
use Staged;

my $node = Staged->node('main');
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for 'empty', 'store', 'plan';
$node->safe_psql($_, 'CREATE EXTENSION ipam CASCADE; CALL ipam.provision()') for 'store', 'plan';
$node->safe_psql('plan', slurp_file('test/data/sample_plan.sql'));

# Pages start with a new store, except these. A page about what is in a plan has results of its own plan:
# its examples run on the sample plan, and results are not compared.
my %starts_with = ('README.md' => 'empty', 'docs/provisioning.md' => 'empty', 'docs/operations.md' => 'empty',
	map { ("docs/$_.md" => 'plan') } qw(bulk_update check_plan expiry listing logical_group plan utilization));

# They need a background worker, a second version or pg_cron. Other tests do what they show.
my $is_not_run = qr/start_async_|resume_async_|cancel_async_|\\gset|schema_conversion|"plan_readers"|CREATE PUBLICATION|cron\./;

# Runs a script in psql; gives its output without footers, and the error as psql prints it.
sub psql
{
	my ($database, $script) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/example.sql";
	open my $handle, '>', $file or die $!;
	print $handle $script;
	close $handle;
	my ($out, $err) = run_command(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-v', 'SHOW_CONTEXT=never', '-P', 'footer=off', '-P', 'pager=off',
		'-d', $node->connstr($database), '-f', $file]);
	$err =~ s/^psql:.*?:\d+: //mg;
	$err =~ s/^NOTICE: .*\n?//mg;
	s/[ \t]+$//mg, s/\s+\z// for $out, $err;
	return ($out, $err);
}

my @pages = ('README.md', sort glob 'docs/*.md');
my %text = map { ($_ => slurp_file($_)) } @pages, 'CONTRIBUTING.md', 'CHANGELOG.md';
my ($examples, $results) = (0, 0);

for my $page (@pages)
{
	my $start = $starts_with{$page} // 'store';
	$node->safe_psql('postgres', "DROP DATABASE IF EXISTS page");
	$node->safe_psql('postgres', "CREATE DATABASE page TEMPLATE $start");
	while ($text{$page} =~ /^```sql\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?/msg)
	{
		my ($script, $printed, $line) = ($1, $2, 1 + (substr($text{$page}, 0, $-[0]) =~ tr/\n//));
		next if $script =~ $is_not_run;
		my ($out, $err) = psql('page', $script);
		$examples++;
		if (defined $printed)
		{
			s/[ \t]+$//mg, s/\s+\z// for $printed;
			$results++ if $printed =~ /^ERROR:/ || $start ne 'plan';
		}
		if (defined $printed && $printed =~ /^ERROR:/)
		{
			is($err, $printed, "$page:$line: the error is the one that is printed");
			next;
		}
		is($err, '', "$page:$line: the example runs");
		is(substr($out, -length $printed), $printed, "$page:$line: the result is the one that is printed") if defined $printed && $start ne 'plan';
	}
}
cmp_ok($examples, '>', 80, 'there are examples');
cmp_ok($results, '>', 8, 'there are results to compare');

# The anchor that a heading gets on the usual sites.
sub anchors
{
	my ($page) = @_;
	return map { s/[^\w\- ]//gr =~ tr/ /-/r } map { lc } $page =~ /^#+ (.+?)\s*$/mg;
}

my @dead;
for my $page (sort keys %text)
{
	while ($text{$page} =~ /\]\(([^)\s]+)\)/g)
	{
		my ($path, $anchor) = split /#/, $1, 2;
		next if $path =~ /^https?:/;
		my $target = $path eq '' ? $page : catfile(dirname($page), $path);
		push @dead, "$page: $1" if !-e $target || (defined $anchor && !grep { $_ eq $anchor } anchors(slurp_file($target)));
	}
}
is_deeply(\@dead, [], 'links lead somewhere');
is_deeply([grep { !/README/ && index($text{'README.md'}, "($_)") < 0 } @pages], [], 'README.md names every page');

# Names behind "ipam." in SQL and in the text; those of the examples of conversion.md are the reader's.
my %known = map { ($_ => 1) } 'so', 'control', 'work_share', 'occupancy_upkeep', 'convert_addresses', 'count_addresses', 'switch_address', split /\n/, $node->safe_psql('store', q{
	SELECT proname FROM pg_proc WHERE pronamespace = 'ipam'::regnamespace
	UNION SELECT relname FROM pg_class WHERE relnamespace = 'ipam'::regnamespace
	UNION SELECT typname FROM pg_type WHERE typnamespace = 'ipam'::regnamespace});
my %arguments;
$arguments{$_->[0]}{$_->[1]} = 1 for map { [split /\|/] } split /\n/, $node->safe_psql('store', q{
	SELECT proname, a FROM pg_proc, unnest(proargnames[:pronargs]) AS a WHERE pronamespace = 'ipam'::regnamespace AND a <> ''});
my (@unknown, @misnamed);
for my $page (sort keys %text)
{
	push @unknown, map { "$page: ipam.$_" } grep { !$known{$_} } $text{$page} =~ /\bipam\.([a-z_0-9]+)/g;
	# Signatures in the text, and arguments by name anywhere.
	while ($text{$page} =~ /`(?:CALL )?(?:ipam\.)?([a-z_0-9]+)\(([a-z_0-9]+(?:, [a-z_0-9]+)*)(?:, \.\.\.)?\)/g)
	{
		my ($function, $list) = ($1, $2);
		next if !$arguments{$function};
		push @misnamed, map { "$page: $function($_)" } grep { !$arguments{$function}{$_} } split /, /, $list;
	}
	while ($text{$page} =~ /\bipam\.([a-z_0-9]+)(\((?:[^()]|(?2))*\))/g)
	{
		my ($function, $call) = ($1, $2);
		next if !$arguments{$function};
		push @misnamed, map { "$page: $function($_ =>)" } grep { !$arguments{$function}{$_} } $call =~ /\b([a-z_0-9]+) =>/g;
	}
}
is_deeply(\@unknown, [], 'everything that is named exists');
is_deeply(\@misnamed, [], 'arguments have the names that the pages give them');

$node->stop;
done_testing();
