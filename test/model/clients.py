"""Eight clients write random operations at the same time, while somebody looks whether the plan is right.

    clients.py SEED OPERATIONS

There is no model of the order. Each operation succeeds or ends with a fault, a refusal of a constraint or an
error that says "run it again"; check_plan() finds nothing, in any snapshot and in the end; and what a client
has inserted and not deleted is there, and nothing else that is his.
"""
import random
import sys
import threading
from collections import Counter

import psycopg
from material import POOLS
from operations import Generator, multirange
from plan import BUILDING, Plan
from sequence import DATABASE, check_plan, error_name, fresh_database, load_values, prepare

CLIENTS = 8
RETRYABLE = {"40001", "40P01"}
TABLES = {"ip_block": "description", "ip_subnet": "description", "ip_range": "description", "ip_address": "notes"}


class Client(threading.Thread):
    def __init__(self, number, seed, operations):
        super().__init__(name=f"client {number}")
        self.generator = Generator(random.Random(seed * 1000 + number), Plan())
        self.operations = operations
        self.own = {table: set() for table in TABLES}
        self.outcomes = Counter()
        self.failure = None

    def run(self):
        try:
            with psycopg.connect(dbname=DATABASE, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
                connection.execute("SET client_min_messages = warning; SET deadlock_timeout = '50ms'")
                for number in range(self.operations):
                    if number % 10 == 0:  # others rename them
                        load_values(connection, self.generator.plan)
                    self.operate(connection)
        except Exception as error:  # noqa: BLE001  told by main()
            self.failure = error

    def operate(self, connection):
        """One transaction of one to three statements; what it has inserted and deleted counts when it has committed."""
        r = self.generator.random
        level = r.choice(["READ COMMITTED"] * 4 + ["REPEATABLE READ", "SERIALIZABLE"])
        inserted, deleted = [], []
        try:
            with connection.transaction():
                connection.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
                for _ in range(r.choice([1, 1, 1, 2, 3])):
                    self.statement(connection, inserted, deleted)
            for table, id_ in inserted:
                self.own[table].add(id_)
            for table, id_ in deleted:
                self.own[table].discard(id_)
            self.outcomes["committed"] += 1
        except psycopg.Error as error:
            name = error_name(error)
            if error.sqlstate in RETRYABLE:
                name = "run it again"
            elif error.sqlstate == "0A000" and "custom fields cannot be renamed or deleted" in str(error):
                name = "needs READ COMMITTED"
            elif not (name.startswith("Ipam") or name.endswith("_key") or name == "ip_range_no_overlap"):
                raise
            self.outcomes[name] += 1

    def statement(self, connection, inserted, deleted):
        g, r = self.generator, self.generator.random
        kind = r.choices(["insert", "update", "delete", "choose", "rename", "allocate", "release", "move"], [10, 7, 4, 2, 1, 5, 3, 2])[0]
        table = r.choices(list(TABLES), [3, 3, 4, 6])[0]
        if kind == "insert":
            statement, values = self.insert(table)
            inserted.append((table, connection.execute(statement, values).fetchone()[0]))
        elif kind == "delete" and self.own[table]:
            id_ = r.choice(sorted(self.own[table]))
            if connection.execute(f"DELETE FROM ipam.{table} WHERE id = %s RETURNING id", (id_,)).fetchone():
                deleted.append((table, id_))
            elif (table, id_) not in deleted:
                raise AssertionError(f"{self.name}: {table} {id_} is lost")
        elif kind == "update":
            assignments, values = self.update(table)
            connection.execute(f"UPDATE ipam.{table} SET {assignments} WHERE id = (SELECT id FROM ipam.{table} ORDER BY random() LIMIT 1)", values)
        elif kind == "allocate":
            rows = connection.execute("SELECT a.id FROM (SELECT id FROM ipam.ip_range ORDER BY managed_by = 'MS DHCP', random() LIMIT 1) AS r,"
                                      " ipam.allocate_ip_addresses(r.id, %s, notes => %s) AS a", (r.choice([1, 1, 2, 5]), self.name))
            inserted += [("ip_address", row[0]) for row in rows]
        elif kind == "release" and self.own["ip_address"]:
            ids = r.sample(sorted(self.own["ip_address"]), 1)
            if ("ip_address", ids[0]) not in deleted:
                deleted += [("ip_address", row[0]) for row in connection.execute("SELECT id FROM ipam.release_ip_addresses(%s)", (ids,))]
        elif kind == "move" and self.own["ip_address"]:
            connection.execute("SELECT ipam.move_ip_addresses(%s, id) FROM (SELECT id FROM ipam.ip_range ORDER BY managed_by = 'MS DHCP', random() LIMIT 1) AS r",
                               ([r.choice(sorted(self.own["ip_address"]))],))
        elif kind == "choose":
            table = r.choice(["ip_subnet", "ip_range"])
            connection.execute(f"UPDATE ipam.{table} SET use_for_utilization = true WHERE id = (SELECT id FROM ipam.{table} ORDER BY random() LIMIT 1)")
        elif kind == "rename":
            field = r.choice([f for f in POOLS if f != 8])
            connection.execute(
                "UPDATE ipam.custom_field_value SET value = %s WHERE id = (SELECT v.id FROM ipam.custom_field_value AS v JOIN ipam.custom_field AS f"
                " ON f.id = v.custom_field_id WHERE v.built_in_value_number IS NULL AND " + ("f.name" if field == BUILDING else "f.id")
                + " = %s ORDER BY random() LIMIT 1)", (f"{r.choice(POOLS[field])} {r.randrange(3)}", field))

    def space(self):
        return self.generator.random.choice([1, 1, 2])

    def insert(self, table):
        g = self.generator
        if table == "ip_block":
            block = g.random_block()
            return ("INSERT INTO ipam.ip_block (network, start_address, end_address, rir, description) VALUES (%s, %s, %s, %s, %s) RETURNING id",
                    (block.network, block.first, block.last, block.rir, self.name))
        if table == "ip_subnet":
            return ("INSERT INTO ipam.ip_subnet (address_space_id, network, name, description) VALUES (%s, %s, 'x', %s) RETURNING id",
                    (self.space(), g.network(), self.name))
        if table == "ip_range":
            _, network, first, last, managed_by, entity, reserved, excluded = g.random_range()
            return ("INSERT INTO ipam.ip_range (address_space_id, network, start_address, end_address, managed_by, managed_by_entity,"
                    " reserved_addresses, excluded_addresses, description) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
                    (self.space(), network, first, last, managed_by, entity, multirange(reserved), multirange(excluded), self.name))
        managed_by, entity = g.service()
        building = g.building()
        return ("INSERT INTO ipam.ip_address (address_space_id, address, managed_by, managed_by_entity, state, device_type, custom_fields, notes)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
                (self.space(), g.address(), managed_by, entity, g.value(10, 85), g.value(7, 85),
                 "{}" if building is None else f'{{"{BUILDING}": "{building}"}}', self.name))

    def update(self, table):
        g = self.generator
        if table == "ip_block":
            block = g.random_block()
            return "network = %s, start_address = %s, end_address = %s", (block.network, block.first, block.last)
        if table == "ip_subnet":
            return "network = %s", (g.network(),)
        if table == "ip_range":
            first = g.address()
            if g.chance(60):  # resize
                return ("end_address = least(start_address + %s, host(broadcast(network))::inet - 1), reserved_addresses = '{}', excluded_addresses = '{}'",
                        (g.random.randrange(12),))
            return ("start_address = %s, end_address = %s, network = %s, reserved_addresses = '{}', excluded_addresses = '{}'",
                    (first, first, g.network(first)))
        managed_by, entity = g.service()
        return "address = %s, managed_by = %s, managed_by_entity = %s", (g.address(), managed_by, entity)


def prepare_plan(connection):
    connection.execute("INSERT INTO ipam.address_space (name) VALUES ('fabric')")
    for field, pool in POOLS.items():
        for value in pool:
            connection.execute("INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT id, %s FROM ipam.custom_field WHERE "
                               + ("name" if field == BUILDING else "id") + " = %s", (value, field))
    for network in ("10.0.0.0/24", "10.0.1.0/24", "2001:db8::/120"):
        for space in (1, 2):
            connection.execute("INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (%s, %s, 'shared')", (space, network))


def main():
    seed, operations = int(sys.argv[1]), int(sys.argv[2])
    prepare()
    observer = fresh_database()
    prepare_plan(observer)
    clients = [Client(n, seed, operations // CLIENTS) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    looked = 0
    while any(client.is_alive() for client in clients):
        check_plan(observer)
        looked += 1
        clients[looked % CLIENTS].join(0.05)
    check_plan(observer)
    outcomes = sum((client.outcomes for client in clients), Counter())
    print(f"seed {seed}: {sum(outcomes.values())} transactions of {CLIENTS} clients, check_plan() {looked + 1} times")
    for name, n in sorted(outcomes.items()):
        print(f"  {n:6} {name}")
    status = 0
    for client in clients:
        if client.failure is not None:
            print(f"{client.name}: {type(client.failure).__name__}: {client.failure}")
            status = 1
        for table, column in TABLES.items():
            there = {row[0] for row in observer.execute(f"SELECT id FROM ipam.{table} WHERE {column} = %s", (client.name,))}
            if there != client.own[table]:
                print(f"{client.name}: {table}: lost {sorted(client.own[table] - there)}, come back {sorted(there - client.own[table])}")
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
