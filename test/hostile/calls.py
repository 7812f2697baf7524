"""Every function and procedure of the extension is called with hostile arguments, in all kinds of places.

    calls.py DATABASE SEED CALLS

CALLS is how often each function is called. The same seed and number are the same calls.
"""
import random
import sys

from attack import Attack
from values import ENORMOUS, Values

# Steps of the import and of bulk updates get a statement, or names of a table and its columns, from the functions around
# them. They run with the rights of the caller, who could run the statement as well.
SQL = {"ipam.add_netbox_fields", "ipam.load_batch", "ipam.load_rows", "ipam.bulk_update"}

# Calls that go far, and would go on for long.
LONG = [
    "SELECT count(*) FROM ipam.get_free_ip_addresses(3, count => NULL)", "SELECT count(f) FROM (SELECT ipam.get_free_ip_addresses(3, count => NULL) AS f) AS f",
    "SELECT count(*) FROM ipam.get_free_ip_addresses(3, count => 2147483647)", "SELECT count(*) FROM ipam.allocate_ip_addresses(3, 2147483647)",
    "SELECT count(*) FROM ipam.allocate_ip_addresses(3, 2147483647, consecutive => true)", "SELECT count(*) FROM ipam.allocate_ip_addresses(3, 200000000, consecutive => true, direction => 'Highest')",
    "SELECT count(*) FROM ipam.get_free_ip_subnets_in_subnet(3, 127, 2147483647)", "SELECT count(*) FROM ipam.get_free_ip_subnets_in_subnet(3, 127, 2147483647, 'BestFit')",
    "SELECT count(*) FROM ipam.get_free_ip_subnets_in_subnet(3, 127, 2147483647, 'Sparse')", "SELECT count(*) FROM ipam.get_free_ip_ranges(4, 1, 2147483647, 'Sparse')",
    "SELECT count(*) FROM ipam.get_free_ip_ranges(4, 1, 2147483647, 'BestFit')", "SELECT count(*) FROM ipam.get_free_ip_subnets(3, 127, 2147483647)",
    "SELECT count(*) FROM ipam.parse_csv(repeat(E'a,\"b\"\n', 5000000))", "SELECT count(*) FROM ipam.range_utilization_trend(1, 'Daily', '4713-01-01 BC', 'infinity')",
    "SELECT count(*) FROM ipam.range_utilization_trend(1, 'Daily', '-infinity', now())", "SELECT count(*) FROM ipam.import_csv('ip_address', (SELECT E'address\n' || string_agg(host('10.128.0.0'::inet + n), E'\n') FROM generate_series(1, 100000) AS n))",
    "SELECT count(*) FROM ipam.import_json('ip_address', (SELECT jsonb_agg(jsonb_build_object('address', host('10.128.0.0'::inet + n))) FROM generate_series(1, 30000) AS n))",
    "SELECT count(*) FROM ipam.bulk_update_ip_addresses((SELECT jsonb_agg(jsonb_build_object('id', id, 'notes', 'x')) FROM ipam.ip_address))",
    "SELECT ipam.propose_occupancy(3, '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 9223372036854775807), ipam.confirm_occupancy(3, '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')",
    "SELECT ipam.csv_record(array_fill(repeat('\"', 1000), '{2000}'))", "DELETE FROM ipam.ip_address", "UPDATE ipam.ip_range SET managed_by_entity = 'dhcp1'",
    "INSERT INTO ipam.ip_address (address) SELECT '10.128.0.0'::inet + n FROM generate_series(1, 8000000) AS n", "SELECT ipam.delete_subnet(4, true, true)"]

FUNCTIONS = """
    SELECT p.oid::regproc::text, p.prokind::text, p.prorettype::regtype::text, p.pronargs - p.pronargdefaults,
           ARRAY (SELECT format_type(t, NULL) FROM unnest(p.proargtypes) AS t),
           ARRAY (SELECT coalesce(p.proargnames[i], '') FROM generate_series(1, p.pronargs) AS i)
    FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i')
    WHERE p.pronamespace = 'ipam'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C"
"""


def arguments(values, types, names, calls):
    """Lists of arguments: all NULL, one hostile among ordinary ones, and anything with anything."""
    rng = values.random
    ordinary = lambda: [values.ordinary(t, n) for t, n in zip(types, names)]  # noqa: E731
    yield ["NULL"] * len(types)
    yield ordinary()
    if not types:
        return
    single = [(i, v) for i, t in enumerate(types) for v in ["NULL"] + values.hostile(t)]
    rng.shuffle(single)
    for i, value in single[:max(1, calls * 2 // 3)]:
        given = ordinary()
        given[i] = value
        yield given
    for _ in range(calls // 3):
        yield [rng.choice([values.any(t), values.any(t), values.ordinary(t, n), "NULL"]) for t, n in zip(types, names)]


def place(rng, name, kind, arguments):
    """A statement with the call: in the select list, in FROM, under another isolation level, read only."""
    call = f"{name}({', '.join(arguments)})"
    if kind == "p":
        return rng.choice([f"CALL {call}", f"CALL {call}", f"BEGIN; CALL {call}; ROLLBACK"])
    begin = rng.choice(["BEGIN"] * 5 + ["BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"])
    in_list = f"SELECT max(length(v::text)) FROM (SELECT {call} AS v OFFSET 0) AS t"
    in_from = f"SELECT max(length(v::text)) FROM {call} AS v"
    end = "SELECT public.refuse_trace(); ROLLBACK" if "READ ONLY" in begin else "ROLLBACK"
    return f"{begin}; {rng.choice([in_list, in_from, f'SELECT 1 WHERE ({call}) IS NULL'])}; {end}"


def main():
    database, seed, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    attack = Attack(database)
    values = Values(random.Random(seed), attack.connection)
    functions = attack.connection.execute(FUNCTIONS).fetchall()
    for name, kind, _, _, types, names in functions:
        for given in arguments(values, types, names, calls):
            attack.run(place(values.random, name, kind, given), is_sql=name in SQL)
    for statement in LONG:
        attack.run(f"BEGIN; {statement}; ROLLBACK")
    # Enormous texts: memory is a multiple of theirs, but they end like all others.
    texts = [(f, i) for f in functions for i, t in enumerate(f[4]) if t == "text"]
    for (name, kind, _, _, types, names), i in values.random.sample(texts, min(len(texts), max(4, calls // 4))):
        given = [values.ordinary(t, n) for t, n in zip(types, names)]
        given[i] = ENORMOUS
        attack.run(place(values.random, name, kind, given), is_bounded=False)
    print(f"{len(functions)} functions and procedures")
    return attack.report("calls", seed)


if __name__ == "__main__":
    sys.exit(main())
