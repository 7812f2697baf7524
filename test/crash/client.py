"""A client that keeps its own books: what it holds after each commit that the server has acknowledged.

Each client has addresses (by `owner`) and ranges (by `description`) of its own in its own corner of the plan, and shares
pools with the others. When the connection goes away, the transaction under way is either whole or not there at
all; everything before it is there. With synchronous_commit = off the last ones may be missing, but only the
last ones.
"""
import threading
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field

import psycopg

RETRYABLE = {"40001", "40P01", "55P03"}
SLOTS = 8  # /24 networks of a client's corner, each with room for a range


@dataclass
class Books:
    addresses: dict = field(default_factory=dict)  # id: (address, label)
    ranges: dict = field(default_factory=dict)  # id: (first, last)

    def slot(self, id_):
        return int(self.ranges[id_][0].split(".")[2])

    def free_slots(self):
        return sorted(set(range(SLOTS)) - {self.slot(id_) for id_ in self.ranges})


@dataclass
class Pending:
    """Sent and not answered: either it is as if it had never been, or this."""
    books: Books = None  # the whole outcome; None: rows with the label came in, their ids are not known
    label: str = None
    count: int = 0

    def explains(self, before, found):
        if self.books is not None:
            return found == self.books
        new = {id_ for id_, (_, label) in found.addresses.items() if label == self.label}
        old = {id_: row for id_, row in found.addresses.items() if id_ not in new}
        return len(new) == self.count and old == before.addresses and found.ranges == before.ranges


class Client(threading.Thread):
    def __init__(self, number, random, pools, synchronous, books, serial):
        super().__init__(name=f"client {number}", daemon=True)
        self.number, self.random, self.pools, self.synchronous = number, random, pools, synchronous
        self.books = books
        self.history = [deepcopy(books)]  # only for synchronous_commit = off
        self.serial = serial
        self.pending = None
        self.prepared = {}  # gid: books as they will be, acknowledged by PREPARE TRANSACTION
        self.unsure_prepared = None  # (gid, books): PREPARE, or the end of a prepared transaction, was sent
        self.outcomes = Counter()
        self.failure = None
        self.stopping = threading.Event()

    # --- the loop ------------------------------------------------------------------------------------------

    def run(self):
        try:
            self.work()
        except Exception as error:  # noqa: BLE001  told by the main program
            self.failure = error

    def work(self):
        try:
            connection = psycopg.connect(autocommit=True, cursor_factory=psycopg.ClientCursor)
            connection.execute("SET client_min_messages = warning; SET jit = off; SET lock_timeout = '1s'; SET deadlock_timeout = '50ms'")
            connection.execute(f"SET synchronous_commit = {'on' if self.synchronous else 'off'}")
        except psycopg.OperationalError:
            return  # the server is already gone
        while not self.stopping.is_set():
            try:
                self.operate(connection)
            except psycopg.Error as error:
                if connection.broken or connection.closed or (error.sqlstate or "").startswith("57P"):
                    return
                known = error.sqlstate in RETRYABLE or (error.sqlstate or "").startswith("IP") or error.sqlstate in ("23505", "23P01")
                if not known:
                    raise
                self.outcomes[error.sqlstate] += 1
                self.pending = None
                connection.execute("ROLLBACK")

    def operate(self, connection):
        r = self.random
        self.serial += 1
        kind = r.choices(["transaction", "statement", "prepared"], [6, 3, 1 if self.synchronous else 0])[0]
        if kind == "statement":
            count, pool = r.randrange(1, 5), r.choice(self.pools)
            self.pending = Pending(label=self.label(), count=count)
            rows = self.allocate(connection, pool, count)
            after = deepcopy(self.books)
            after.addresses.update(rows)
            self.acknowledge(after)
            return
        after = deepcopy(self.books)
        connection.execute("BEGIN")
        for _ in range(r.choice([1, 1, 2, 3])):
            self.change(connection, after)
        if r.random() < 0.1:
            connection.execute("ROLLBACK")
            self.outcomes["rolled back"] += 1
        elif kind == "prepared":
            self.prepare(connection, after)
        else:
            self.pending = Pending(after)
            connection.execute("COMMIT")
            self.acknowledge(after)

    def prepare(self, connection, after):
        gid = self.label()
        self.unsure_prepared = (gid, after)
        connection.execute(f"PREPARE TRANSACTION '{gid}'")
        self.prepared[gid], self.unsure_prepared = after, None
        self.stopping.wait(self.random.choice([0, 0.02, 0.1]))
        commits = self.random.random() < 0.7
        self.unsure_prepared = (gid, after)
        if commits:
            self.pending = Pending(after)
        connection.execute(f"{'COMMIT' if commits else 'ROLLBACK'} PREPARED '{gid}'")
        self.prepared, self.unsure_prepared = {}, None
        if commits:
            self.acknowledge(after)
        self.outcomes["prepared"] += 1

    def acknowledge(self, after):
        self.books, self.pending = after, None
        if not self.synchronous:
            self.history.append(deepcopy(after))
        self.outcomes["committed"] += 1

    # --- operations ----------------------------------------------------------------------------------------

    def label(self):
        return f"{self.name} {self.serial}"

    def own_address(self):
        return f"10.{100 + self.number}.{self.random.randrange(SLOTS)}.{self.random.randrange(1, 255)}"

    def allocate(self, connection, range_id, count):
        return {id_: (address, label) for id_, address, label in connection.execute(
            "SELECT id, host(address), device_name FROM ipam.allocate_ip_addresses(%s, %s, device_name => %s, owner => %s)",
            (range_id, count, self.label(), self.name))}

    def change(self, connection, after):
        r = self.random
        held = sorted(after.addresses)
        kind = r.choices(["allocate", "insert", "release", "delete", "move", "update", "create range", "resize", "shift range", "delete range"],
                         [5, 3, 3 + len(held) // 40, 2 + len(held) // 40, 1, 2, 1, 1, 1, 0.7])[0]
        if kind == "allocate":
            after.addresses.update(self.allocate(connection, r.choice(self.pools + sorted(after.ranges)), r.randrange(1, 7)))
        elif kind == "insert":
            for id_, address, label in connection.execute(
                    "INSERT INTO ipam.ip_address (address, device_name, owner) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id, host(address), device_name",
                    (self.own_address(), self.label(), self.name)):
                after.addresses[id_] = (address, label)
        elif kind in ("release", "delete") and held:
            chosen = r.sample(held, min(len(held), r.randrange(1, 9)))
            statement = ("SELECT id FROM ipam.release_ip_addresses(%s)" if kind == "release" else "DELETE FROM ipam.ip_address WHERE id = ANY (%s) RETURNING id")
            gone = {row[0] for row in connection.execute(statement, (chosen,))}
            if gone != set(chosen):
                raise AssertionError(f"{self.name}: {kind} of {sorted(chosen)} found {sorted(gone)}")
            for id_ in gone:
                del after.addresses[id_]
        elif kind == "move" and held and after.ranges:
            id_ = r.choice(held)
            address = connection.execute("SELECT host(ipam.move_ip_address(%s, %s))", (id_, r.choice(sorted(after.ranges)))).fetchone()[0]
            after.addresses[id_] = (address, after.addresses[id_][1])
        elif kind == "update" and held:
            id_ = r.choice(held)
            address = connection.execute("UPDATE ipam.ip_address SET address = %s WHERE id = %s RETURNING host(address)", (self.own_address(), id_)).fetchone()[0]
            after.addresses[id_] = (address, after.addresses[id_][1])
        elif kind == "create range" and after.free_slots():
            self.keep_range(after, connection.execute(
                "INSERT INTO ipam.ip_range (start_address, end_address, description) VALUES (%s, %s, %s) RETURNING id, host(start_address), host(end_address)",
                (*self.span(r.choice(after.free_slots())), self.name)))
        elif kind == "resize" and after.ranges:
            id_ = r.choice(sorted(after.ranges))
            self.change_range(connection, after, id_, after.slot(id_))
        elif kind == "shift range" and after.ranges and after.free_slots():
            self.change_range(connection, after, r.choice(sorted(after.ranges)), r.choice(after.free_slots()))
        elif kind == "delete range" and after.ranges:
            id_ = r.choice(sorted(after.ranges))
            connection.execute("DELETE FROM ipam.ip_range WHERE id = %s", (id_,))
            del after.ranges[id_]

    def span(self, slot):
        network = f"10.{100 + self.number}.{slot}"
        return f"{network}.{self.random.randrange(1, 100)}", f"{network}.{self.random.randrange(100, 255)}"

    def change_range(self, connection, after, id_, slot):
        self.keep_range(after, connection.execute(
            "UPDATE ipam.ip_range SET start_address = %s, end_address = %s WHERE id = %s RETURNING id, host(start_address), host(end_address)", (*self.span(slot), id_)))

    @staticmethod
    def keep_range(after, rows):
        for id_, first, last in rows:
            after.ranges[id_] = (first, last)
