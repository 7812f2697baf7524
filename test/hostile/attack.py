"""A session that gets one hostile statement after the other, and what must not come of them.

Each statement ends in an answer or in an error that has words of its own: no crash, no internal error, nothing
taken out of its quotes. It can be cancelled, its memory is bounded, and the session goes on.
"""
import os
from collections import Counter

import psycopg
from values import TRACE, WITNESS

TIMEOUT = 0.2  # seconds until a statement is cancelled
REACTION = 1.0  # seconds of its own processor time that it may go on then
PATIENCE = 60.0  # seconds until it counts as hung, on a machine that has other work
MEMORY = 200  # MB of a backend, with its share of 16 MB of shared buffers

# A statement of ours that the server does not understand has taken a value for a part of itself.
MISUNDERSTOOD = {"42601", "42703", "42P01", "42883", "42804", "42P02", "42P18"}


class Attack:
    def __init__(self, database, settings=""):
        self.database, self.settings = database, settings
        self.count = 0
        self.outcomes = Counter()
        self.findings = []
        self.peak, self.largest = 0, ""
        self.connect()

    def connect(self):
        self.connection = psycopg.connect(dbname=self.database, autocommit=True, cursor_factory=psycopg.ClientCursor,
                                          options=f"-c statement_timeout={int(TIMEOUT * 1000)} -c client_min_messages=error -c jit=off {self.settings}")
        self.connection.prepare_threshold = None
        self.pid = self.connection.info.backend_pid

    def processor_time(self):
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:  # no such thing on this system
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        try:
            with open(f"/proc/{self.pid}/status") as file:
                return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM"))
        except OSError:
            return 0

    def found(self, what, statement):
        self.findings.append(f"{what}\n    {statement if len(statement) < 2000 else statement[:2000] + ' ...'}")

    def run(self, statement, is_bounded=True, is_sql=False):
        """Runs the statement, or several, and says how it ended. is_sql: a value is meant to be a piece of SQL."""
        self.count += 1
        before = self.processor_time()
        try:
            self.connection.execute(statement)
            outcome = "done"
        except psycopg.Error as error:
            outcome = error.sqlstate or "lost"
            self.judge(error, statement, is_sql)
        if self.connection.closed:
            self.found("the session is lost", statement)
            self.connect()
            return "lost"
        if self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self.connection.execute("ROLLBACK")
        self.outcomes[outcome] += 1
        worked = self.processor_time() - before
        if worked > TIMEOUT + REACTION:
            self.found(f"it went on for {worked - TIMEOUT:.1f} s after it was cancelled", statement)
        memory = self.memory()
        if is_bounded and memory > self.peak:
            self.peak, self.largest = memory, statement
        if memory > MEMORY:
            if is_bounded:
                self.found(f"it took {memory} MB", statement)
            self.connection.close()
            self.connect()
        return outcome

    def judge(self, error, statement, is_sql=False):
        sqlstate = error.sqlstate
        if sqlstate is None:
            return
        if sqlstate.startswith("XX"):
            self.found(f"internal error {sqlstate}: {error.diag.message_primary}", statement)
        elif sqlstate == TRACE:
            self.found("a transaction that only reads has written", statement)
        elif is_sql:
            return
        elif sqlstate == WITNESS:
            self.found(f"a text was executed\n    {error.diag.internal_query}", statement)
        elif sqlstate in MISUNDERSTOOD and error.diag.internal_query:
            self.found(f"{sqlstate}: {error.diag.message_primary}\n    {error.diag.internal_query[:500]}", statement)

    def report(self, name, seed):
        outcomes = ", ".join(f"{n} {o}" for o, n in self.outcomes.most_common(12))
        print(f"{name}: seed {seed}, {self.count} statements, at most {self.peak} MB; {outcomes}, {len(self.outcomes)} different outcomes")
        print(f"most memory: {self.largest[:300]}")
        for finding in self.findings[:50]:
            print(f"* {finding}")
        return 1 if self.findings else 0
