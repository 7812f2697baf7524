"""Random operations one after the other; after each the tables are what the model says.

    sequence.py SEED OPERATIONS

The connection is described by libpq's environment. A failure prints the seed and the statements up to it,
which can be pasted into psql in a fresh store.
"""
import random
import sys
from collections import Counter

import psycopg
from network import category
from operations import Generator
from plan import BUILDING, Plan

CHECK_EVERY = 25  # operations between two calls of check_plan()
TEMPLATE, DATABASE = "model_template", "model"


class Failure(Exception):
    pass


def prepare():
    """A provisioned store, to be copied."""
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        for name in (DATABASE, TEMPLATE):
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    with psycopg.connect(dbname=TEMPLATE, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute("CREATE EXTENSION ipam CASCADE")
        connection.execute("CALL ipam.provision()")
        connection.execute(f"INSERT INTO ipam.custom_field (name, type) VALUES ('{BUILDING}', 'Multivalued')")


def fresh_database():
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {TEMPLATE}")
    connection = psycopg.connect(dbname=DATABASE, autocommit=True, cursor_factory=psycopg.ClientCursor)
    connection.execute("SET client_min_messages = warning")
    connection.execute("SET jit = off")
    return connection


def load_values(connection, plan):
    plan.values.clear()
    plan.value_ids.clear()
    for field_id, name, value, number, value_id in connection.execute(
            "SELECT f.id, f.name, v.value, v.built_in_value_number, v.id FROM ipam.custom_field AS f LEFT JOIN ipam.custom_field_value AS v ON v.custom_field_id = f.id"):
        field = BUILDING if name == BUILDING else field_id
        plan.values.setdefault(field, {})
        if value is not None:
            plan.values[field][value] = number is not None
            plan.value_ids[field, value] = value_id


def error_name(error):
    if error.sqlstate and error.sqlstate.startswith("IP") or error.sqlstate in ("23505", "23P01"):
        return error.diag.constraint_name
    return "foreign key" if error.sqlstate == "23503" else f"{error.sqlstate} {error}"


def expected(plan):
    """What the tables must have, by table and id."""
    rows = {("address_space", i): (s.type, s.provider) for i, s in plan.spaces.items()}
    for i, b in plan.blocks.items():
        rows["ip_block", i] = (b.network, b.first, b.last, plan.parent_block(i), category(b.span), b.rir)
    for i, s in plan.subnets.items():
        rows["ip_subnet", i] = (s.space, s.network, plan.block_of(s), category(s.span), s.type, s.building)
    for i, r in plan.ranges.items():
        rows["ip_range", i] = (r.space, r.network, r.first, r.last, r.managed_by, r.managed_by_entity, r.type, category(r.span), plan.subnet_of(r))
    for i, a in plan.addresses.items():
        rows["ip_address", i] = (a.space, a.address, a.managed_by, a.managed_by_entity, a.state, a.device_type, a.type, a.building,
                                 plan.range_of(a))
    for (field, value), i in plan.value_ids.items():
        rows["custom_field_value", i] = (field, value)
    return rows


def found(connection):
    rows, chosen = {}, {}
    for i, *row in connection.execute("SELECT id, type, provider_id FROM ipam.address_space"):
        rows["address_space", i] = tuple(row)
    for i, *row in connection.execute("SELECT id, network, start_address, end_address, parent_id, address_category, rir FROM ipam.ip_block"):
        rows["ip_block", i] = tuple(row)
    for i, use, *row in connection.execute(
            "SELECT id, use_for_utilization, address_space_id, network, block_id, address_category, virtualization_type,"
            f" custom_fields ->> '{BUILDING}' FROM ipam.ip_subnet"):
        rows["ip_subnet", i], chosen["ip_subnet", i] = tuple(row), use
    for i, use, *row in connection.execute(
            "SELECT id, use_for_utilization, address_space_id, network, start_address, end_address, managed_by, managed_by_entity,"
            " virtualization_type, address_category, subnet_id FROM ipam.ip_range"):
        rows["ip_range", i], chosen["ip_range", i] = tuple(row), use
    for i, *row in connection.execute(
            "SELECT id, address_space_id, address, managed_by, managed_by_entity, state, device_type, virtualization_type,"
            f" custom_fields ->> '{BUILDING}', range_id FROM ipam.ip_address"):
        rows["ip_address", i] = tuple(row)
    for i, field_id, name, value in connection.execute(
            "SELECT v.id, f.id, f.name, v.value FROM ipam.custom_field_value AS v JOIN ipam.custom_field AS f ON f.id = v.custom_field_id"):
        rows["custom_field_value", i] = (BUILDING if name == BUILDING else field_id, value)
    return rows, chosen


def compare(plan, rows, chosen):
    wanted = expected(plan)
    if rows != wanted:
        keys = sorted(k for k in rows.keys() | wanted.keys() if rows.get(k) != wanted.get(k))
        raise Failure("the tables are not what the model says:\n" + "\n".join(
            f"  {k}: found {rows.get(k)},\n      expected {wanted.get(k)}" for k in keys[:5]))
    for table, ids, overlapping in (("ip_subnet", plan.subnets, plan.overlapping_subnets), ("ip_range", plan.ranges, plan.overlapping_ranges)):
        for i in ids:
            around = [n for n in overlapping(i) if chosen[table, n]]
            if chosen[table, i] == bool(around):
                raise Failure(f"{table} {i}: use_for_utilization is {chosen[table, i]}, and overlapping ones that have it are {around}")


def take_choice_away(connection, generator, plan, chosen, statements):
    """SET use_for_utilization = false works where a neighbour can take its place."""
    table, rows, overlapping = generator.random.choice([("ip_subnet", plan.subnets, plan.overlapping_subnets), ("ip_range", plan.ranges, plan.overlapping_ranges)])
    id_ = generator.some(rows)
    if id_ is None:
        return False
    can_be_replaced = any(all(n == id_ or not chosen[table, n] for n in overlapping(q)) for q in overlapping(id_))
    statement = f"UPDATE ipam.{table} SET use_for_utilization = false WHERE id = {id_}"
    statements.append(statement)
    try:
        connection.execute(statement)
        if chosen[table, id_] and not can_be_replaced:
            raise Failure("taken, though nobody could take its place")
    except psycopg.Error as error:
        if error_name(error) != "IpamApiInvalidUpdate" or not chosen[table, id_] or can_be_replaced:
            raise Failure(f"refused with {error_name(error)}: {error}") from error
    return True


def look_for_free(connection, generator, plan):
    id_ = generator.some(plan.ranges)
    if id_ is not None:
        offered = [row[0] for row in connection.execute("SELECT ipam.get_free_ip_addresses(%s, count => 5)", (id_,))]
        if offered != plan.free(id_, 5):
            raise Failure(f"free in range {id_} are {plan.free(id_, 5)}, offered {offered}")


def check_plan(connection):
    violations = connection.execute("SELECT * FROM ipam.check_plan()").fetchall()
    if violations:
        raise Failure("check_plan(): " + "\n  ".join(map(str, violations)))


def run(seed, operations, check_every):
    connection = fresh_database()
    plan = Plan()
    load_values(connection, plan)
    generator = Generator(random.Random(seed), plan)
    cursor = connection.cursor()
    statements, outcomes = [], Counter()
    rows, chosen = found(connection)
    try:
        for number in range(1, operations + 1):
            operation = generator.next()
            statements.append(cursor.mogrify(operation.statement, operation.values))
            try:
                returned = connection.execute(statements[-1]).fetchall()
                if operation.wrong:
                    raise Failure(f"taken, though it breaks {' and '.join(sorted(operation.wrong))}")
                operation.apply(*(row[0] for row in returned))
                outcomes[operation.name] += 1
            except psycopg.Error as error:
                if error_name(error) not in operation.wrong:
                    raise Failure(f"refused with {error_name(error)}, expected was {sorted(operation.wrong) or 'success'}\n{error}") from error
                outcomes[error_name(error)] += 1
            before = chosen
            rows, chosen = found(connection)
            compare(plan, rows, chosen)
            if not operation.wrong:
                operation.chosen(before, chosen)
            if number % 7 == 0 and take_choice_away(connection, generator, plan, chosen, statements):
                rows, chosen = found(connection)
                compare(plan, rows, chosen)
            look_for_free(connection, generator, plan)
            if number % check_every == 0:
                check_plan(connection)
        check_plan(connection)
        return None, statements, outcomes
    except (Failure, AssertionError) as failure:
        return failure, statements, outcomes
    finally:
        connection.close()


def main():
    seed, operations = int(sys.argv[1]), int(sys.argv[2])
    prepare()
    failure, statements, outcomes = run(seed, operations, CHECK_EVERY)
    if failure is None:
        print(f"seed {seed}: {operations} operations, {sum(n for name, n in outcomes.items() if '_' in name and name.islower() and not name.endswith('_key'))} taken")
        for name, n in sorted(outcomes.items()):
            print(f"  {n:6} {name}")
        return 0
    if "check_plan" in str(failure):  # it went wrong since the last call
        failure, statements, _ = run(seed, len(statements), 1)
    print(f"seed {seed}: operation {len(statements)} went wrong: {failure}\nAll statements up to it:")
    print(f"INSERT INTO ipam.custom_field (name, type) VALUES ('{BUILDING}', 'Multivalued');")
    print(";\n".join(statements) + ";")
    return 1


if __name__ == "__main__":
    sys.exit(main())
