"""Objects that an attacker has planted are not used, whatever the search_path says.

    planted.py DATABASE plant|call SEED

plant: as whoever runs it, puts functions, operators, aggregates, tables and types into the schema public. They have the
names that the sources of the extension use, for all kinds of arguments, so that some of them fit better than the
server's own. A call leaves a line in the log of the server, also where the error is caught. call: calls every
function and procedure and writes every table with a search_path on which the planted objects come first.
"""
import glob
import itertools
import random
import re
import sys

import psycopg
from calls import FUNCTIONS
from values import Values
from writes import RELATIONS

TYPES = ["inet", "cidr", "int8", "int4", "numeric", "text", "jsonb", "timestamptz", "_text", "_inet"]
FEW = ["inet", "int8", "text"]


def plant(connection):
    source = "".join(open(name).read() for pattern in ("sql/install/*.sql", "src/*/*.[ch]pp") for name in sorted(glob.glob(pattern)))
    called = set(re.findall(r"\b([a-z_][a-z0-9_]+)\(", source))
    names = [n for n, in connection.execute(
        "SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY (%s) ORDER BY 1", (sorted(called),))]
    operators = [o for o, in connection.execute("SELECT DISTINCT oprname::text FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace ORDER BY 1")]
    body = "LANGUAGE plpgsql SET search_path = pg_catalog AS $$ BEGIN RAISE LOG 'planted: %'; RETURN NULL; END $$"
    statements = []
    for left, right in itertools.product(TYPES, TYPES):
        statements.append(f"CREATE FUNCTION public.trap(pg_catalog.{left}, pg_catalog.{right}) RETURNS pg_catalog.bool {body.replace('%', f'operator for {left}, {right}')}")
        statements += [f"CREATE OPERATOR public.{o} (FUNCTION = public.trap, LEFTARG = pg_catalog.{left}, RIGHTARG = pg_catalog.{right})" for o in operators if o != "=>"]
    for type_, in connection.execute("SELECT oid::regtype::text FROM pg_type WHERE typnamespace = to_regnamespace('ipam') AND typtype IN ('e', 'r', 'm', 'd') ORDER BY 1"):
        statements.append(f"CREATE FUNCTION public.trap({type_}, {type_}) RETURNS pg_catalog.bool {body.replace('%', f'operator for {type_}')}")
        statements += [f"CREATE OPERATOR public.{o} (FUNCTION = public.trap, LEFTARG = {type_}, RIGHTARG = {type_})" for o in operators if o != "=>"]
    for name in names:
        for arguments in [[]] + [[t] for t in TYPES] + list(itertools.product(FEW, FEW)):
            given = ", ".join(f"pg_catalog.{a}" for a in arguments)
            statements.append(f'CREATE FUNCTION public."{name}"({given}) RETURNS pg_catalog.text {body.replace("%", f"{name}({given})")}')
    statements += [f"DROP FUNCTION public.{f}; CREATE AGGREGATE public.{f} (SFUNC = public.trap_state, STYPE = pg_catalog.int8)" for f in ("count()",)]
    statements.insert(0, f"CREATE FUNCTION public.trap_state(pg_catalog.int8) RETURNS pg_catalog.int8 {body.replace('%', 'count')}")
    for relation, in connection.execute("SELECT relname::text FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') AND relname = ANY (%s)",
                                        (re.findall(r"\b(pg_[a-z_]+)\b", source),)):
        statements.append(f"CREATE VIEW public.{relation} AS SELECT public.trap(''::pg_catalog.text, ''::pg_catalog.text) AS oid")
    for type_ in ("text", "bigint", "integer", "boolean", "inet", "cidr", "regclass", "name"):
        statements.append(f"CREATE DOMAIN public.\"{type_}\" AS pg_catalog.text CHECK (public.trap(VALUE, VALUE))")
    for name in ("address_space", "ip_block", "ip_subnet", "ip_range", "ip_address", "custom_field", "custom_field_value", "occupancy", "plan_lock", "common_property", "async_session", "task_run"):
        statements.append(f"CREATE TABLE public.{name} (id pg_catalog.int8)")
    planted = 0
    for start in range(0, len(statements), 500):
        with connection.transaction():
            connection.execute("SET LOCAL check_function_bodies = off")
            for statement in statements[start:start + 500]:
                try:
                    with connection.transaction():
                        connection.execute(statement)
                    planted += 1
                except psycopg.Error:  # => cannot be an operator, some functions are there with this signature
                    pass
    print(f"{planted} of {len(statements)} objects planted, {len(names)} functions, {len(operators)} operators")


def literal(connection, expression):
    """The value of the expression as a literal that needs no operator; None if there is no such value."""
    try:
        return connection.execute(f"SELECT format('%L::%I.%I', v::text, n.nspname, t.typname) FROM (SELECT {expression} AS v) AS v, pg_type AS t, pg_namespace AS n"
                                  " WHERE t.oid = pg_typeof(v) AND n.oid = t.typnamespace").fetchone()[0]
    except psycopg.Error:
        return None


def call(database, seed):
    quiet = dict(dbname=database, autocommit=True, cursor_factory=psycopg.ClientCursor)
    maker = psycopg.connect(**quiet, options="-c search_path=pg_catalog -c client_min_messages=error -c statement_timeout=1s")
    victim = psycopg.connect(**quiet, options="-c client_min_messages=error -c statement_timeout=2s")
    assert victim.execute("SHOW search_path").fetchone()[0].startswith("public"), "the planted objects come first"
    for name in ("ip_address", "ip_range", "pg_class", "pg_proc", "pg_extension", "common_property"):  # and on its own account
        victim.execute(f"CREATE TEMP TABLE {name} (id pg_catalog.int8)")
    maker.execute("DELETE FROM ipam.ip_address WHERE id BETWEEN 100 AND 9900")  # each update below is of all rows
    rng = random.Random(seed)
    values = Values(rng, maker)
    done = failed = 0
    statements = []
    for name, kind, _, _, types, names in maker.execute(FUNCTIONS).fetchall():
        if name == "ipam.launch_async_worker":
            continue
        for _ in range(2):
            given = [literal(maker, values.ordinary(t, n)) or "NULL" for t, n in zip(types, names)]
            statements.append(f"CALL {name}({', '.join(given)})" if kind == "p" else f"SELECT {name}({', '.join(given)})")
            if types:
                given[rng.randrange(len(given))] = literal(maker, values.any(rng.choice(types))) or "NULL"
                statements.append(f"CALL {name}({', '.join(given)})" if kind == "p" else f"SELECT * FROM {name}({', '.join(given)})")
    for relation, kind, columns, types in maker.execute(RELATIONS).fetchall():
        statements.append(f"SELECT * FROM {relation}")
        for column, type_ in zip(columns, types):
            value = literal(maker, values.ordinary(type_)) or "DEFAULT"
            statements += [f"UPDATE {relation} SET {column} = {value}", f"UPDATE {relation} SET {column} = {column}"]
        statements.append(f"DELETE FROM {relation}")
    statements += ["INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.77'), ('10.0.0.78')", "INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.7.0.0/24', 'x')",
                   "INSERT INTO ipam.ip_block (network) VALUES ('10.7.0.0/16')", "INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.120', '10.0.0.130')",
                   "INSERT INTO ipam.custom_field (name) VALUES ('Wing')", "UPDATE ipam.custom_field_value SET value = 'other'", "TRUNCATE ipam.ip_address"]
    for statement in statements:
        try:
            if statement.startswith("CALL"):
                victim.execute(statement)
            else:
                with victim.transaction(force_rollback=True):
                    victim.execute(statement)
            done += 1
        except psycopg.Error:
            failed += 1
    print(f"{done} statements done, {failed} refused")


if __name__ == "__main__":
    if sys.argv[2] == "plant":
        with psycopg.connect(dbname=sys.argv[1], autocommit=True, cursor_factory=psycopg.ClientCursor, options="-c search_path=pg_catalog -c client_min_messages=error") as session:
            plant(session)
    else:
        call(sys.argv[1], int(sys.argv[3]))
