"""Every function of the extension is called by the fast path of the protocol, which evaluates no expression: a function
cannot ask one for its types. libpq has PQfn for it; here the messages are written out, as its buffer has no bounds.

    fast_path.py DATABASE SEED CALLS

What cannot change its answer gives the same one as in a SELECT.
"""
import os
import random
import socket
import struct
import sys

import psycopg
from attack import MEMORY, PATIENCE, TIMEOUT, Attack
from calls import arguments
from values import Values

FUNCTIONS = """
    SELECT p.oid::int8, p.oid::regproc::text, p.provolatile::text = 'i',
           ARRAY (SELECT format_type(t, NULL) FROM unnest(p.proargtypes) AS t), ARRAY (SELECT coalesce(p.proargnames[i], '') FROM generate_series(1, p.pronargs) AS i),
           ARRAY (SELECT t.typsend::text FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, i) JOIN pg_type AS t ON t.oid = a.type ORDER BY a.i)
    FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i')
    WHERE p.pronamespace = 'ipam'::regnamespace AND p.prokind = 'f' AND NOT p.proretset ORDER BY p.oid::regprocedure::text COLLATE "C"
"""


class Wire:
    """A session that speaks protocol 3 by itself."""

    def __init__(self, database, user):
        path = os.environ["PGHOST"]
        self.socket = socket.socket(socket.AF_UNIX if path.startswith("/") else socket.AF_INET)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(f"{path}/.s.PGSQL.{os.environ['PGPORT']}" if path.startswith("/") else (path, int(os.environ["PGPORT"])))
        self.file = self.socket.makefile("rb")
        given = {"user": user, "database": database, "client_encoding": "UTF8", "options": f"-c statement_timeout={int(TIMEOUT * 1000)} -c client_min_messages=error -c jit=off"}
        parameters = struct.pack("!i", 196608) + b"".join(f"{k}\0{v}\0".encode() for k, v in given.items()) + b"\0"
        self.socket.sendall(struct.pack("!i", len(parameters) + 4) + parameters)
        self.answer()

    def answer(self):
        """The result and the fields of the error, until the server is ready again."""
        result, error = None, None
        while True:
            kind, length = struct.unpack("!ci", self.file.read(5))
            content = self.file.read(length - 4)
            if kind == b"V":
                size = struct.unpack_from("!i", content)[0]
                result = content[4:] if size >= 0 else None
            elif kind == b"E":
                error = {chr(f[0]): f[1:].decode() for f in content.split(b"\0") if f}
            elif kind == b"K":
                self.pid = struct.unpack_from("!i", content)[0]
            elif kind == b"Z":
                return result, error

    def send(self, kind, content):
        self.socket.sendall(kind + struct.pack("!i", len(content) + 4) + content)
        return self.answer()

    def query(self, statement):
        return self.send(b"Q", statement.encode() + b"\0")

    def call(self, function, images):
        counted = b"".join(struct.pack("!i", -1) if i is None else struct.pack("!i", len(i)) + i for i in images)
        return self.send(b"F", struct.pack("!IhhH", function, 1, 1, len(images)) + counted + struct.pack("!h", 1))


def images_of(connection, sends, given):
    """The arguments as bytes; None: one of them is no value of its type."""
    if not given:
        return []
    try:
        return list(connection.execute("SELECT " + ", ".join(f"{send}({value})" for send, value in zip(sends, given))).fetchone())
    except psycopg.Error:
        return None


def main():
    database, seed, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    attack = Attack(database)
    values = Values(random.Random(seed), attack.connection)
    wire = Wire(database, attack.connection.info.user)
    functions, compared = attack.connection.execute(FUNCTIONS).fetchall(), 0
    for function, name, is_immutable, types, names, sends in functions:
        if "-" in sends:  # a type that no client can send
            continue
        for given in arguments(values, types, names, calls):
            images = images_of(attack.connection, sends, given)
            if images is None:
                continue
            call = f"{name}({', '.join(given)})"
            try:
                wire.query("BEGIN")
                result, error = wire.call(function, images)
                wire.query("ROLLBACK")
            except (OSError, struct.error):
                attack.found("the session is lost", call)
                return attack.report("fast_path", seed)
            attack.count += 1
            attack.outcomes[error["C"] if error else "done"] += 1
            if error and error["C"].startswith("XX"):
                attack.found(f"internal error {error['C']}: {error['M']}", call)
            elif not error and is_immutable:
                expected = attack.connection.pgconn.exec_params(f"SELECT {call}".encode(), [], result_format=1)
                if expected.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"57014":  # the SELECT had no time
                    continue
                compared += 1
                if expected.status != psycopg.pq.ExecStatus.TUPLES_OK or expected.get_value(0, 0) != result:
                    attack.found("another answer than in a SELECT", call)
    attack.pid = wire.pid
    attack.peak = attack.memory()
    if attack.peak > MEMORY:
        attack.found(f"it took {attack.peak} MB", "")
    print(f"{len(functions)} functions, {compared} answers compared")
    if not compared:
        attack.found("no answer was compared", "")
    return attack.report("fast_path", seed)


if __name__ == "__main__":
    sys.exit(main())
