"""Crashes a server again and again under clients that keep books of what it has acknowledged, and compares.

    crash.py SEED ROUNDS FOLDER

libpq's environment describes the server, FOLDER is its data folder; pg_ctl is in the path. Seed and rounds
choose what is done and how the server dies; when exactly things happen is up to the machine.
"""
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from copy import deepcopy

import psycopg
from client import Books, Client

SYNCHRONOUS = [True, True, True, True, False, False]
FULL = 60_000  # addresses: a search that walks over so many asks for upkeep of occupancy
WAYS = ["immediate shutdown", "kill -9 of a client's backend", "kill -9 of a background process", "kill -9 of the postmaster"]
ROLES = ("checkpointer", "background writer", "walwriter", "autovacuum launcher", "autovacuum worker", "ipam occupancy", "ipam session")


def connect(database=None):
    connection = psycopg.connect(dbname=database or os.environ["PGDATABASE"], autocommit=True, cursor_factory=psycopg.ClientCursor)
    connection.execute("SET client_min_messages = warning; SET jit = off")
    return connection


def rows(connection, statement, *values):
    return connection.execute(statement, values or None).fetchall()


class Server:
    def __init__(self, folder):
        self.folder = folder

    def pg_ctl(self, *arguments):
        return subprocess.run(["pg_ctl", "-s", "-w", "-D", self.folder, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

    def start(self):
        for _ in range(100):  # while processes of the last one still hold its shared memory
            if self.pg_ctl("-l", self.folder + "/../crash.log", "start") == 0:
                return
            time.sleep(0.1)
        raise AssertionError("the server does not start again")

    def crash(self, way, choose):
        """Lets it die in the given way; returns what was hit."""
        if way == "immediate shutdown":
            self.pg_ctl("-m", "immediate", "stop")
            self.start()
            return way
        if way == "kill -9 of the postmaster":
            with open(self.folder + "/postmaster.pid") as file:
                pid = int(file.readline())
            os.kill(pid, signal.SIGKILL)
            self.start()
            return way
        with connect("postgres") as connection:
            wanted = ("client backend",) if "client" in way else ROLES
            processes = rows(connection, "SELECT backend_type, pid FROM pg_stat_activity WHERE backend_type = ANY (%s) AND pid <> pg_backend_pid() ORDER BY 1, 2", list(wanted))
        if "background" in way:  # a kind at random, then one of it
            kind = choose.choice(sorted({k for k, _ in processes}))
            processes = [p for p in processes if p[0] == kind]
        kind, pid = choose.choice(processes)
        with connect("postgres") as witness:
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + 60
            while not witness.broken and time.monotonic() < deadline:  # everybody is sent away
                try:
                    witness.execute("SELECT pg_sleep(0.01)")
                except psycopg.Error:
                    break
        return f"kill -9 of {kind}"

    def wait(self):
        for _ in range(600):
            try:
                connect("postgres").close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise AssertionError("the server has not recovered")


class Trial:
    def __init__(self, seed, folder):
        self.random = random.Random(seed)
        self.server = Server(folder)
        self.books = [Books() for _ in SYNCHRONOUS]
        self.serials = [0] * len(SYNCHRONOUS)
        self.outcomes = Counter()
        self.deaths = Counter()
        self.lost = 0
        self.released = set()  # from the range with a quarantine: addresses that nobody may get
        self.sessions = Counter()

    # --- the plan ------------------------------------------------------------------------------------------

    def prepare(self):
        with connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {os.environ['PGDATABASE']}")
            connection.execute("CREATE DATABASE converted_template")
        with connect() as connection:
            connection.execute("CREATE EXTENSION ipam CASCADE; CREATE EXTENSION amcheck")
            connection.execute("CALL ipam.provision()")
            connection.execute(
                "INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'pool'), ('10.1.0.0/16', 'full'), ('2001:db8::/64', 'six'), ('10.2.0.0/16', 'quarantine')")
            for number in range(len(SYNCHRONOUS)):
                connection.execute("INSERT INTO ipam.ip_subnet (network, name) VALUES (%s, 'corner')", (f"10.{100 + number}.0.0/16",))
            self.pools = [row[0] for row in rows(connection, """
                INSERT INTO ipam.ip_range (network, start_address, end_address, quarantine) VALUES
                    ('10.0.0.0/16', '10.0.0.1', '10.0.255.254', '0'), ('2001:db8::/64', '2001:db8::1', '2001:db8::ffff:ffff', '0'),
                    ('10.2.0.0/16', '10.2.0.1', '10.2.255.254', '1 day') RETURNING id""")]
            self.quarantined = self.pools[-1]
            self.full = rows(connection, "INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.1.0.0/16', '10.1.0.1', '10.1.255.254') RETURNING id")[0][0]
            connection.execute("INSERT INTO ipam.ip_address (address) SELECT '10.1.0.1'::inet + i FROM generate_series(0, %s) AS i", (FULL - 1,))
            self.pools.append(self.full)
        with connect("converted_template") as connection:
            connection.execute("CREATE EXTENSION ipam VERSION '1.0' CASCADE")
            connection.execute("CALL ipam.provision()")
            connection.execute("""
                INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'site');
                INSERT INTO ipam.ip_range (network, start_address, end_address) SELECT '10.0.0.0/8', '10.0.0.1'::inet + 65536 * n, '10.0.19.136'::inet + 65536 * n FROM generate_series(0, 5) AS n;
                SET session_replication_role = replica;
                INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
                SELECT r.start_address + n, r.id, r.virtualization_type FROM ipam.ip_range AS r, generate_series(0, 4999) AS n""")
            connection.execute("ALTER EXTENSION ipam UPDATE")

    # --- a round -------------------------------------------------------------------------------------------

    def round(self, number):
        self.start_session()
        seeds = [random.Random(self.random.getrandbits(64)) for _ in SYNCHRONOUS]
        only_lazy = self.random.random() < 0.3  # a synchronous commit writes the log of all before it
        clients = [Client(n, seeds[n], self.pools, synchronous, deepcopy(self.books[n]), self.serials[n])
                   for n, synchronous in enumerate(SYNCHRONOUS) if not (synchronous and only_lazy)]
        way, moment = self.random.choice(WAYS) if number >= len(WAYS) else WAYS[number], self.random.uniform(0.4, 1.6)
        for client in clients:
            client.start()
        began = time.monotonic()
        self.disturb()
        time.sleep(max(0, began + moment - time.monotonic()))
        died = self.server.crash(way, self.random)
        self.deaths[died] += 1
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(60)
            if client.is_alive():
                raise AssertionError(f"{client.name} hangs")
            if client.failure is not None:
                raise AssertionError(f"{client.name}: {type(client.failure).__name__}: {client.failure}")
        self.server.wait()
        with connect() as connection:
            self.check_prepared(connection, clients)
            for client in clients:
                self.compare(connection, client)
            self.check_store(connection)
            self.go_on(connection)
        self.check_session()
        committed = sum(client.outcomes["committed"] for client in clients)
        print(f"round {number + 1}: {died} after {moment:.2f} s and {committed} commits, {time.monotonic() - began:.1f} s in all", flush=True)
        for client in clients:
            self.outcomes += client.outcomes

    def disturb(self):
        """What a server does besides: a checkpoint, upkeep of occupancy, a vacuum. Some of it is cut short by the crash."""
        if self.random.random() < 0.5:
            with connect() as connection:  # nothing known: the next search walks, and has upkeep started
                connection.execute("TRUNCATE ipam.occupancy, ipam.occupancy_hole")
        for statement, share in (("SELECT * FROM ipam.get_free_ip_addresses(%d)" % self.full, 0.9), ("CHECKPOINT", 0.4), ("CALL ipam.rebuild_occupancy()", 0.3), ("VACUUM ipam.ip_address", 0.4)):
            if self.random.random() < share:
                with connect() as connection:
                    connection.execute("SET lock_timeout = '300ms'")
                    try:
                        connection.execute(statement)
                    except psycopg.errors.LockNotAvailable:
                        pass

    # --- what must be true afterwards ----------------------------------------------------------------------

    def check_prepared(self, connection, clients):
        """Each acknowledged PREPARE is there, and its outcome can still be chosen."""
        there = {row[0] for row in rows(connection, "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")}
        for client in clients:
            known = dict(client.prepared)
            unsure = dict([client.unsure_prepared]) if client.unsure_prepared else {}
            missing = set(known) - set(unsure) - there
            if missing:
                raise AssertionError(f"{client.name}: lost prepared transactions {missing}")
            if client.pending is not None and set(known) & set(unsure) - there:  # gone, so COMMIT PREPARED got through
                client.books, client.pending = client.pending.books, None
            for gid in sorted((set(known) | set(unsure)) & there):
                after = (known | unsure)[gid]
                there.discard(gid)
                if self.random.random() < 0.5:
                    connection.execute(f"COMMIT PREPARED '{gid}'")
                    client.books, client.pending = after, None
                else:
                    connection.execute(f"ROLLBACK PREPARED '{gid}'")
                    client.pending = None
                self.outcomes["prepared across a crash"] += 1
        if there:
            raise AssertionError(f"prepared transactions that nobody knows: {there}")

    def compare(self, connection, client):
        found = Books({id_: (address, label) for id_, address, label in rows(
                          connection, "SELECT id, host(address), device_name FROM ipam.ip_address WHERE owner = %s", client.name)},
                      {id_: (first, last) for id_, first, last in rows(
                          connection, "SELECT id, host(start_address), host(end_address) FROM ipam.ip_range WHERE description = %s", client.name)})
        fits = found == client.books or (client.pending is not None and client.pending.explains(client.books, found))
        if not fits and not client.synchronous:
            fits = found in client.history
            self.lost += 1 if fits else 0
        if not fits:
            raise AssertionError(
                f"{client.name}: books and store differ\n  lost: {sorted(client.books.addresses.items() - found.addresses.items())[:9]}\n"
                f"  come back: {sorted(found.addresses.items() - client.books.addresses.items())[:9]}\n"
                f"  ranges: {client.books.ranges} recorded: {found.ranges}\n  under way: {client.pending}")
        self.books[client.number], self.serials[client.number] = found, client.serial

    def check_store(self, connection):
        for what, statement in (
                ("check_plan()", "SELECT * FROM ipam.check_plan()"),
                ("check_occupancy()", "SELECT * FROM ipam.check_occupancy()"),
                ("recorded twice", "SELECT address_space_id, address FROM ipam.ip_address GROUP BY 1, 2 HAVING count(*) > 1"),
                ("offered though recorded", "SELECT a.address FROM ipam.ip_range AS r, LATERAL ipam.get_free_ip_addresses(r.id, count => 70000) AS f (address)"
                 " JOIN ipam.ip_address AS a USING (address) WHERE a.range_id = r.id"),
                ("neither free nor recorded",
                 f"SELECT r.id FROM ipam.ip_range AS r, LATERAL (SELECT count(*) AS n FROM ipam.get_free_ip_addresses(r.id, count => NULL)) AS f,"
                 f" LATERAL (SELECT count(*) AS n FROM ipam.ip_address AS a WHERE a.range_id = r.id) AS u"
                 f" WHERE family(r.start_address) = 4 AND r.id <> {self.quarantined} AND f.n + u.n <> ipam.address_count(r.extent)"),
                ("offered in quarantine", f"SELECT q.address FROM ipam.quarantined_address AS q JOIN ipam.get_free_ip_addresses({self.quarantined}, count => NULL) AS f (address) USING (address)"),
                ("locks left", "SELECT * FROM pg_locks WHERE locktype = 'advisory'")):
            found = rows(connection, statement)
            if found:
                raise AssertionError(f"{what}: {found[:5]}")
        connection.execute("SELECT bt_index_check(i.indexrelid, true) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
                           " WHERE c.relnamespace = 'ipam'::regnamespace AND c.relam = 403 AND i.indisvalid")
        self.check_quarantine(connection)

    def check_quarantine(self, connection):
        """What was there after the last crash and is not any more has been released, and stays in quarantine."""
        recorded = {row[0] for row in rows(connection, "SELECT host(address) FROM ipam.ip_address WHERE range_id = %s", self.quarantined)}
        waiting = {row[0] for row in rows(connection, "SELECT host(address) FROM ipam.quarantined_address WHERE range_id = %s", self.quarantined)}
        again = self.released & recorded
        gone = self.released - waiting
        if again or gone:
            raise AssertionError(f"quarantine: given out again {sorted(again)[:5]}, forgotten {sorted(gone)[:5]}")
        self.released = waiting

    def go_on(self, connection):
        """Allocation, release and upkeep go on."""
        for range_id in self.pools:
            got = rows(connection, "SELECT id FROM ipam.allocate_ip_addresses(%s, 3)", range_id)
            if range_id != self.quarantined:
                connection.execute("SELECT ipam.release_ip_addresses(%s)", ([row[0] for row in got],))

    def check_upkeep(self):
        with connect() as connection:
            connection.execute("TRUNCATE ipam.occupancy, ipam.occupancy_hole")
            connection.execute("INSERT INTO ipam.ip_address (address) SELECT f FROM ipam.get_free_ip_addresses(%s, count => 1000) AS f", (self.full,))
        with connect() as connection:  # another process: each asks once a minute for the same range
            connection.execute("SELECT * FROM ipam.get_free_ip_addresses(%s)", (self.full,))
            for _ in range(1200):
                if rows(connection, "SELECT FROM ipam.occupancy WHERE is_confirmed") and not rows(connection, "SELECT FROM pg_stat_activity WHERE backend_type = 'ipam occupancy'"):
                    break
                time.sleep(0.05)
            else:
                raise AssertionError("a search that has walked far does not get occupancy any more")
            self.check_store(connection)

    # --- a schema conversion beside it ---------------------------------------------------------------------

    def start_session(self):
        """A store that is being converted, slowly: it goes on, or begins anew when it is done."""
        with connect("postgres") as connection:
            if not rows(connection, "SELECT FROM pg_database WHERE datname = 'converted'"):
                connection.execute("CREATE DATABASE converted TEMPLATE converted_template")
                connection.execute("ALTER DATABASE converted SET ipam.work_share = 2")
        with connect("converted") as connection:
            interrupted = rows(connection, "SELECT id FROM ipam.async_session_status WHERE status = 'interrupted' ORDER BY id DESC LIMIT 1")
            if interrupted:
                connection.execute("CALL ipam.resume_async_session(%s)", interrupted[0])
                self.sessions["resumed"] += 1
            else:
                session = rows(connection, "CALL ipam.initialize_async_schema_conversion()")[0][0]
                connection.execute("CALL ipam.start_async_schema_conversion(%s)", (session,))
                self.sessions["started"] += 1

    def check_session(self):
        with connect("converted") as connection:
            status = rows(connection, "SELECT status, pid FROM ipam.async_session_status WHERE kind = 'SchemaConversion' ORDER BY id DESC LIMIT 1")[0]
            in_progress, required = rows(connection, "SELECT ipam.is_schema_conversion_in_progress(), ipam.is_schema_conversion_required()")[0]
            if status == ("started", None):  # so short after its start that the worker may still come
                for _ in range(400):
                    time.sleep(0.05)
                    status = rows(connection, "SELECT status, pid FROM ipam.async_session_status WHERE kind = 'SchemaConversion' ORDER BY id DESC LIMIT 1")[0]
                    if status[0] != "started":
                        break
            self.sessions[status[0]] += 1
            if in_progress or status not in (("interrupted", None), ("completed", None)) or required != (status[0] == "interrupted"):
                raise AssertionError(f"a session after a crash: {status}, in progress: {in_progress}, conversion required: {required}")
        if status[0] == "completed":
            self.check_converted()

    def check_converted(self):
        with connect("converted") as connection:
            stretches = "SELECT range_id, first_address, last_address FROM ipam.occupancy WHERE is_confirmed ORDER BY 1, 2"
            found = rows(connection, stretches)
            connection.execute("CALL ipam.rebuild_occupancy()")
            if found != rows(connection, stretches) or rows(connection, "SELECT * FROM ipam.check_occupancy()"):
                raise AssertionError("the converted store is not what rebuild_occupancy() makes")
        with connect("postgres") as connection:
            connection.execute("DROP DATABASE converted WITH (FORCE)")

    def finish_session(self):
        with connect("postgres") as connection:
            if not rows(connection, "SELECT FROM pg_database WHERE datname = 'converted'"):
                return
            connection.execute("ALTER DATABASE converted RESET ipam.work_share")
        with connect("converted") as connection:
            session = rows(connection, "SELECT id FROM ipam.async_session_status WHERE status = 'interrupted' ORDER BY id DESC LIMIT 1")[0]
            connection.execute("CALL ipam.run_async_session(%s)", session)
        self.check_converted()


def main():
    seed, rounds, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    print(f"seed {seed}", flush=True)
    trial = Trial(seed, folder)
    trial.prepare()
    try:
        for number in range(rounds):
            trial.round(number)
        trial.check_upkeep()
        trial.finish_session()
    except AssertionError as error:
        print(f"FAILED after {sum(trial.deaths.values())} crashes: {error}")
        return 1
    finally:
        for title, counter in (("clients", trial.outcomes), ("deaths", trial.deaths), ("sessions", trial.sessions)):
            print(f"{title}: " + ", ".join(f"{name}: {n}" for name, n in sorted(counter.items())))
        print(f"synchronous_commit = off: the end of the books was lost {trial.lost} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
