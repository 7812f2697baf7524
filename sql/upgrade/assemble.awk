# Assembles an upgrade script. What the update makes as a new installation does stands in sql/install alone:
#   \include FILE           all of sql/install/FILE: its objects are new
#   \replace FILE NAME...   the functions and procedures of these names in sql/install/FILE, with their comments
#   \trigger FILE NAME...   the triggers of these names in sql/install/FILE, which are new
#   \check FILE TABLE NAME  the CHECK of this name on ipam.TABLE in sql/install/FILE, which is new or has been dropped

function fail(message) {
    print FILENAME ":" FNR ": " message > "/dev/stderr"
    exit failed = 1
}

function path(file) {
    return "sql/install/" file
}

function include(file,    line, lines) {
    while ((getline line < path(file)) > 0) {
        print line
        lines++
    }
    close(path(file))
    if (!lines) fail("there is no " path(file))
}

# From CREATE to the end of COMMENT.
function replace(file, name,    line, inside, in_comment, found) {
    while ((getline line < path(file)) > 0) {
        if (line ~ "^CREATE (FUNCTION|PROCEDURE) ipam\\." name "\\(") {
            sub(/^CREATE/, "CREATE OR REPLACE", line)
            inside = 1
            found = 1
        }
        if (!inside) continue
        print line
        if (line ~ "^COMMENT ON (FUNCTION|PROCEDURE) ipam\\." name "\\(") in_comment = 1
        if (in_comment && line ~ /;$/) inside = in_comment = 0
    }
    close(path(file))
    if (!found || inside) fail("there is no function " name " with its comment in " path(file))
}

function create_triggers(file, name,    line, inside, found) {
    while ((getline line < path(file)) > 0) {
        if (line ~ "^CREATE TRIGGER " name " ") inside = found = 1
        if (inside) print line
        if (line ~ /;$/) inside = 0
    }
    close(path(file))
    if (!found || inside) fail("there is no trigger " name " in " path(file))
}

# From CONSTRAINT to the parenthesis that closes it; those in strings do not count.
function add_check(file, table, name,    line, text, depth, found) {
    while (!(found && depth == 0) && (getline line < path(file)) > 0) {
        if (line ~ "^    CONSTRAINT " name " CHECK \\(") {
            sub(/^    /, "", line)
            printf "ALTER TABLE ipam.%s ADD ", table
            found = 1
        }
        if (!found) continue
        text = line
        gsub(/'[^']*'/, "", text)
        depth += gsub(/\(/, "", text) - gsub(/\)/, "", text)
        if (depth == 0) sub(/,?$/, ";", line)
        print line
    }
    close(path(file))
    if (!found || depth) fail("there is no CHECK " name " in " path(file))
}

$1 == "\\include" { include($2); next }
$1 == "\\replace" { for (i = 3; i <= NF; i++) { if (i > 3) print ""; replace($2, $i) } next }
$1 == "\\trigger" { for (i = 3; i <= NF; i++) create_triggers($2, $i); next }
$1 == "\\check" { add_check($2, $3, $4); next }
{ print }
