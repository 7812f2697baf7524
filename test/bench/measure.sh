# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the settings
# Asking the server, timing it, and putting numbers into tables.

die() {
	echo "bench: $*" >&2
	exit 1
}
progress() { echo "$(date +%T) $*" >&2; }

# --- server -----------------------------------------------------------------------------------

run_sql() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }
ask() { run_sql -A -t -c "$1"; }

# What test/scratch has started is made for short tests: no fsync, small buffers.
configure_server() {
	local setting as_server=()
	for setting in fsync=on shared_buffers=2GB work_mem=64MB maintenance_work_mem=256MB \
		max_wal_size=16GB checkpoint_timeout=1h autovacuum=off jit=off; do
		run_sql -c "ALTER SYSTEM SET ${setting%=*} = '${setting#*=}'"
	done
	((EUID)) || as_server=(setpriv --reuid=postgres --regid=postgres --init-groups)
	(cd / && "${as_server[@]}" pg_ctl restart -s -w -D "$PGHOST/data" -l "$PGHOST/log") ||
		die "the server did not start again: $(tail -n 5 "$PGHOST/log")"
}

# make_database NAME [VERSION]: from now on the one that is asked.
make_database() {
	createdb "$1"
	export PGDATABASE=$1
	PGOPTIONS='-c client_min_messages=warning' run_sql -c "CREATE EXTENSION ipam ${2:+VERSION \"$2\"} CASCADE" \
		-c 'CALL ipam.provision()' -c 'CREATE SCHEMA bench'
}

drop_database() {
	export PGDATABASE=postgres
	dropdb "$1"
}

# --- time -------------------------------------------------------------------------------------

# time_script FILE TRANSACTIONS INTO [OPTION...]: appends client round trips in microseconds. The
# first one fills the caches of a new session; it counts only where it is the only one.
time_script() {
	local script=$1 transactions=$2 into=$3 try
	shift 3
	for try in 1 2 3; do
		rm -f "$work"/log.*
		pgbench -n -M prepared -t "$transactions" -f "$script" --log --log-prefix="$work/log" "$@" >"$work/pgbench" 2>&1 ||
			die "pgbench: $(cat "$work/pgbench")"
		awk -v only="$transactions" 'NR > 1 || only == 1 { print $3 }' "$work"/log.* >"$work/times"
		# Seen on a machine with far too much work, one time in a hundred: a median of 0.
		if [[ $(median "$work/times") != 0.0 ]]; then
			cat "$work/times" >>"$into"
			return
		fi
		progress "pgbench measured nothing in $(wc -l <"$work/times") round trips, try $try"
	done
	die "pgbench measures nothing: $(cat "$work/pgbench")"
}

# transactions_per_second SCRIPT CLIENTS SYNCHRONOUS_COMMIT [OPTION...]
transactions_per_second() {
	local script=$1 clients=$2 commit=$3
	shift 3
	PGOPTIONS="-c synchronous_commit=$commit" pgbench -n -M prepared -T "$write_seconds" -c "$clients" -f "$script" "$@" \
		>"$work/pgbench" 2>&1 || die "pgbench: $(cat "$work/pgbench")"
	! grep -q ERROR "$work/pgbench" || die "pgbench: $(grep -m 3 ERROR "$work/pgbench")"
	awk '/^tps/ { print $3 }' "$work/pgbench"
}

# time_command COMMAND INTO: appends its microseconds, those of a new psql included.
time_command() {
	local begin=$EPOCHREALTIME
	run_sql -o /dev/null -c "$1"
	echo $((${EPOCHREALTIME/./} - ${begin/./})) >>"$2"
}

# --- numbers ----------------------------------------------------------------------------------

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.1f\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# Microseconds as milliseconds with about three digits.
milliseconds() {
	awk -v us="$1" 'BEGIN { ms = us / 1000
		printf(ms < 1 ? "%.3f" : ms < 10 ? "%.2f" : ms < 100 ? "%.1f" : "%.0f", ms) }'
}

# A quotient with about three digits.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { r = a / b; printf(r < 0.001 ? "%.1g" : r < 0.1 ? "%.3f" : r < 10 ? "%.2f" : r < 100 ? "%.1f" : "%.0f", r) }'; }

smaller() { awk -v a="$1" -v b="${2:-$1}" 'BEGIN { print (a < b ? a : b) }'; }
larger() { awk -v a="$1" -v b="${2:-$1}" 'BEGIN { print (a > b ? a : b) }'; }

# --- tables -----------------------------------------------------------------------------------

row() {
	printf '| %s ' "$@"
	echo '|'
}

header() {
	row "$@"
	row "${@/*/---}"
}

# reached NAME RATIO: a figure that targets.txt has a bound for.
reached() { echo "$1 $2" >>"$work/reached"; }

# One row for each target of the parts that ran.
print_targets() {
	grep -qE "^($(IFS='|' && echo "$*")) " "$here/targets.txt" || return 0
	echo 'Figures to reach, all from this run:'
	echo
	header 'work' 'target' 'measured' ''
	awk -v parts=" $* " -v scale="$SCALE" '
		/^#/ || NF == 0 { next }
		FILENAME != ARGV[2] { measured[$1] = $2; next }
		index(parts, " " $1 " ") {
			words = $0
			for (i = 1; i <= 5; i++) sub(/^[^ ]+ +/, "", words)
			if (!($2 in measured))                     verdict = "not measured"
			else if ($5 == "full" && scale != "full")  verdict = "(SCALE=full)"
			else verdict = ($3 == "<=" ? measured[$2] + 0 <= $4 + 0 : measured[$2] + 0 >= $4 + 0) ? "pass" : "**miss**"
			printf "| %s | %s %s | %s | %s |\n", words, $3 == "<=" ? "at most" : "at least", $4, $2 in measured ? measured[$2] : "", verdict
		}' "$work/reached" "$here/targets.txt"
	echo
}

# --- charts -----------------------------------------------------------------------------------

# draw NAME DATA...: NAME.svg from NAME.gnuplot.
draw() {
	local name=$1
	shift
	cp "$@" "$results/"
	if [[ -z $(command -v gnuplot) ]]; then
		progress "no chart: there is no gnuplot; ./run bench installs it"
		return
	fi
	(cd "$results" && gnuplot -e "set output '$name.svg'" "$here/$name.gnuplot") || die "gnuplot: $name"
}
