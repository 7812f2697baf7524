"""Every table and view gets hostile values, by INSERT, UPDATE, DELETE, MERGE and COPY; then everything is read.

    writes.py DATABASE SEED STATEMENTS

STATEMENTS is how many each table gets; a view gets fewer. The same seed and number are the same statements.
"""
import random
import sys

import psycopg
from attack import Attack
from values import TEXTS, Values

RELATIONS = """
    SELECT c.oid::regclass::text, c.relkind::text, array_agg(a.attname::text ORDER BY a.attnum), array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum)
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind IN ('r', 'v') GROUP BY c.oid ORDER BY c.oid::regclass::text COLLATE "C"
"""

# What may be asked of a plan in which anything stands. Rows that replication has written passed no trigger.
QUESTIONS = [
    "SELECT count(*) FROM ipam.check_plan()", "SELECT count(*) FROM ipam.check_occupancy()", "SELECT max(length(p::text)) FROM ipam.plan AS p",
    "SELECT max(length(d::text)) FROM ipam.ip_range_details AS d", "SELECT max(length(d::text)) FROM ipam.ip_subnet_details AS d", "SELECT max(length(d::text)) FROM ipam.ip_block_details AS d",
    "SELECT max(length(d::text)) FROM (SELECT * FROM ipam.ip_address_details LIMIT 50) AS d", "SELECT max(length(d::text)) FROM ipam.address_space_details AS d",
    "SELECT count(f) FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id, count => 5) AS f", "SELECT count(f) FROM ipam.ip_range AS r, ipam.free_ranges(r.id) AS f",
    "SELECT sum(ipam.count_used_ip_addresses(r.id)) FROM ipam.ip_range AS r", "SELECT count(a) FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id, 2) AS a WHERE r.managed_by <> 'MS DHCP'",
    "SELECT count(n) FROM ipam.ip_block AS b, ipam.free_networks(b.id) AS n", "SELECT count(n) FROM ipam.ip_subnet AS s, ipam.get_free_ip_subnets_in_subnet(s.id, 28, 3) AS n",
    "SELECT count(n) FROM ipam.ip_subnet AS s, ipam.get_free_ip_ranges(s.id, 4, 3) AS n", "SELECT count(n) FROM ipam.logical_group AS g, ipam.logical_group_nodes(g.id, 'Range') AS n",
    "UPDATE ipam.ip_range SET end_address = end_address", "UPDATE ipam.ip_subnet SET network = network", "UPDATE ipam.ip_address SET range_id = NULL WHERE id < 100",
    "DELETE FROM ipam.ip_address WHERE id % 7 = 0", "DELETE FROM ipam.ip_subnet", "SELECT count(*) FROM ipam.export_csv('ip_address')", "SELECT count(*) FROM ipam.export_json('ip_range')",
    "SELECT ipam.refuse_unready_store()", "SELECT * FROM ipam.get_schema_conversion_info()", "SELECT max(length(t::text)) FROM ipam.task AS t", "SELECT max(length(s::text)) FROM ipam.async_session_status AS s"]

# No longer than a socket takes: psycopg does not read while it writes, and the server answers with the line.
LINES = ["", "\\N", "\\.", "\t", "\\\\.", "\\x", "\\x00", "\\377", "a\tb\tc", '"', "\r", "\\", "\x01", "1\t2\t3\t4\t5\t6\t7\t8\t9\t10", "x" * 50000, "\t" * 10000, "\ud83d", "\u00e5"]


class Writes:
    def __init__(self, attack, values):
        self.attack, self.values, self.random = attack, values, values.random

    def value(self, type_):
        return self.random.choice([self.values.any(type_), self.values.any(type_), self.values.ordinary(type_), "DEFAULT"])

    def assignment(self, columns):
        some = self.random.sample(list(columns), self.random.choice([1, 1, 2, min(4, len(columns))]))
        return ", ".join(f"{name} = {self.value(columns[name])}" for name in some)

    def condition(self, columns):
        name = self.random.choice(list(columns))
        operator = self.random.choice(["=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", "<", ">="])
        return f"{name} {operator} {self.values.any(columns[name])}"

    def insert(self, relation, columns):
        some = [c for c in columns if self.random.random() < 0.7] or list(columns)
        rows = ", ".join(f"({', '.join(self.value(columns[c]) for c in some)})" for _ in range(self.random.choice([1, 1, 3])))
        conflict = self.random.choice(["", "", " ON CONFLICT DO NOTHING"])
        return f"INSERT INTO {relation} ({', '.join(some)}) {self.random.choice(['', 'OVERRIDING SYSTEM VALUE ', 'OVERRIDING USER VALUE '])}VALUES {rows}{conflict}"

    def copied_row(self, relation, columns):
        """A row that is there once more, but for one thing."""
        name = self.random.choice(list(columns))
        others = [c for c in columns if c not in (name, "id")]
        names = ", ".join([name] + others)
        return f"INSERT INTO {relation} ({names}) SELECT {', '.join([self.values.any(columns[name])] + others)} FROM {relation} LIMIT 1"

    def statement(self, relation, columns):
        kind = self.random.choice(["insert", "insert", "copy", "update", "update", "delete", "select", "merge"])
        if kind == "insert":
            return self.insert(relation, columns)
        if kind == "copy":
            return self.copied_row(relation, columns)
        if kind == "update":
            return f"UPDATE {relation} SET {self.assignment(columns)}" + self.random.choice(["", f" WHERE {self.condition(columns)}"])
        if kind == "delete":
            return f"DELETE FROM {relation} WHERE {self.condition(columns)}"
        if kind == "select":
            return f"SELECT max(length(t::text)) FROM {relation} AS t WHERE {self.condition(columns)}"
        name = self.random.choice(list(columns))
        return (f"MERGE INTO {relation} AS t USING (SELECT {self.values.any(columns[name])} AS v) AS s ON t.{name} = s.v"
                f" WHEN MATCHED THEN UPDATE SET {self.assignment(columns)} WHEN NOT MATCHED THEN INSERT ({name}) VALUES (s.v)")

    def transaction(self, relation, columns):
        """Some statements; as the owner, as replication, as a reader or as one who may write the plan."""
        who = self.random.choice(["", "", "SET LOCAL session_replication_role = replica; ", "SET LOCAL ROLE ipam_asm_administrators; ", "SET LOCAL ROLE ipam_users; "])
        statement = self.statement(relation, columns)
        then = "; ".join(self.random.sample(QUESTIONS, 2)) if self.random.random() < 0.3 else "SELECT 1"
        return f"BEGIN; {who}{statement}; SET CONSTRAINTS ALL IMMEDIATE; {then}; ROLLBACK"

    def copy(self, relation, columns):
        """COPY of lines that are no rows, or have hostile texts for all columns."""
        some = self.random.sample(list(columns), self.random.randint(1, len(columns)))
        options = self.random.choice(["", " WITH (FORMAT csv)", " WITH (FORMAT binary)", " WITH (NULL '')"])
        lines = [self.random.choice(LINES) if self.random.random() < 0.5 else "\t".join(self.random.choice(TEXTS[:40]).strip("'$") for _ in some) for _ in range(3)]
        statement = f"COPY {relation} ({', '.join(some)}) FROM STDIN{options}"
        self.attack.count += 1
        try:
            with self.attack.connection.transaction(force_rollback=True), self.attack.connection.cursor() as cursor, cursor.copy(statement) as copy:
                copy.write("\n".join(lines).encode("utf-8", "surrogatepass"))
            outcome = "done"
        except psycopg.Error as error:
            outcome = error.sqlstate or "lost"
            self.attack.judge(error, f"{statement}\n{lines!r}")
        self.attack.outcomes[outcome] += 1
        if self.attack.connection.closed:
            self.attack.found("the session is lost", f"{statement}\n{lines!r}")
            self.attack.connect()


def main():
    database, seed, statements = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    attack = Attack(database)
    writes = Writes(attack, Values(random.Random(seed), attack.connection))
    relations = attack.connection.execute(RELATIONS).fetchall()
    for relation, kind, names, types in relations:
        columns = dict(zip(names, types))
        for number in range(statements if kind == "r" else statements // 4):
            if number % 8 == 7:
                writes.copy(relation, columns)
            else:
                attack.run(writes.transaction(relation, columns))
    print(f"{len(relations)} tables and views")
    return attack.report("writes", seed)


if __name__ == "__main__":
    sys.exit(main())
