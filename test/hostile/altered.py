"""Tables that their owner has altered: what reads them by itself, without SQL, says so and never takes one thing for another.

A column is renamed, gets another type or NULLs, or another one has its name; something else stands in the place of a table or of
an index. Afterwards everything is called that is C++, and all is rolled back.
"""
import random
import sys

import psycopg
from attack import MISUNDERSTOOD, Attack

TABLES = ["address_space", "common_property", "ip_address", "ip_block", "ip_range", "ip_subnet", "occupancy", "occupancy_hole", "plan_lock", "released_address"]
COLUMNS = """
    SELECT c.relname, a.attname, a.attgenerated <> '' FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'ipam'::regnamespace AND c.relname = ANY (%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum"""
INDEXES = """
    SELECT i.indexrelid::regclass::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'ipam'::regnamespace AND c.relname = ANY (%s) ORDER BY 1"""
# Rules that would keep NULLs out: all CHECKs of the table.
WITHOUT_RULES = """
    DO $$ DECLARE rule name; BEGIN
        FOR rule IN SELECT conname FROM pg_constraint WHERE conrelid = 'ipam.{table}'::regclass AND contype = 'c' LOOP
            EXECUTE format('ALTER TABLE ipam.{table} DROP CONSTRAINT %I', rule);
        END LOOP;
    END $$"""
NULLS = """SET LOCAL session_replication_role = replica; ALTER TABLE ipam.{table} ALTER COLUMN {column} DROP NOT NULL;
    UPDATE ipam.{table} SET {column} = NULL; SET LOCAL session_replication_role = origin"""
OF_COLUMN = [
    "ALTER TABLE ipam.{table} RENAME COLUMN {column} TO renamed",
    "ALTER TABLE ipam.{table} RENAME COLUMN {column} TO renamed; ALTER TABLE ipam.{table} ADD COLUMN {column} text DEFAULT 'x'",
    "ALTER TABLE ipam.{table} RENAME COLUMN {column} TO renamed; ALTER TABLE ipam.{table} ADD COLUMN {column} bigint[] DEFAULT '{{1}}'",
    "ALTER TABLE ipam.{table} RENAME COLUMN {column} TO renamed; ALTER TABLE ipam.{table} ADD COLUMN {column} integer DEFAULT 7",
    "ALTER TABLE ipam.{table} ALTER COLUMN {column} TYPE text USING 'x'", "ALTER TABLE ipam.{table} ALTER COLUMN {column} TYPE integer USING 7",
    NULLS, WITHOUT_RULES + "; " + NULLS]
OF_TABLE = [
    "ALTER TABLE ipam.{table} RENAME TO renamed",
    "ALTER TABLE ipam.{table} RENAME TO renamed; CREATE VIEW ipam.{table} AS SELECT * FROM ipam.renamed",
    "ALTER TABLE ipam.{table} RENAME TO renamed; CREATE TABLE ipam.{table} AS SELECT * FROM ipam.renamed",
    "ALTER TABLE ipam.{table} RENAME TO renamed; CREATE TABLE ipam.{table} (LIKE ipam.renamed INCLUDING DEFAULTS INCLUDING INDEXES)",
    "ALTER TABLE ipam.{table} RENAME TO renamed; CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nothing FOREIGN DATA WRAPPER nothing;"
    " CREATE FOREIGN TABLE ipam.{table} (id bigint) SERVER nothing",
    "ALTER TABLE ipam.{table} RENAME TO renamed; CREATE MATERIALIZED VIEW ipam.{table} AS SELECT * FROM ipam.renamed",
    "ALTER TABLE ipam.{table} SET SCHEMA public",
    "ALTER TABLE ipam.{table} ENABLE ROW LEVEL SECURITY; ALTER TABLE ipam.{table} FORCE ROW LEVEL SECURITY",
    "ALTER TABLE ipam.{table} DISABLE TRIGGER USER",
    "ALTER TABLE ipam.{table} ADD COLUMN added integer DEFAULT 5; ALTER TABLE ipam.{table} DROP COLUMN added",
    "SET LOCAL session_replication_role = replica; DELETE FROM ipam.{table}; SET LOCAL session_replication_role = origin"]
OF_INDEX = [
    "ALTER INDEX {index} RENAME TO renamed",
    "ALTER INDEX {index} RENAME TO renamed; CREATE INDEX {name} ON ipam.common_property (value)",
    "ALTER INDEX {index} RENAME TO renamed; CREATE INDEX {name} ON ipam.ip_address (notes, id)",
    "ALTER INDEX {index} RENAME TO renamed; CREATE INDEX {name} ON ipam.ip_range USING hash (id)"]
OF_SCHEMA = ["ALTER SCHEMA ipam RENAME TO renamed", "ALTER TYPE ipam.inetrange RENAME TO renamed", "ALTER TYPE ipam.inetmultirange RENAME TO renamed",
             "ALTER TYPE ipam.virtualization_type RENAME TO renamed"]
USES = [
    "SELECT * FROM ipam.get_free_ip_addresses(1, count => 3)", "SELECT ipam.get_free_ip_addresses(1) LIMIT 2",
    "SELECT count(*) FROM ipam.free_ranges(1)", "SELECT ipam.count_used_ip_addresses(1)", "SELECT ipam.why_not_free(1, '10.1.0.5')", "SELECT ipam.is_ip_address_mapped(1, '10.0.0.5')",
    "SELECT * FROM ipam.allocate_ip_addresses(1)", "SELECT * FROM ipam.allocate_ip_addresses(1, 2, consecutive => true, direction => 'Highest')", "SELECT * FROM ipam.release_ip_addresses('{1}')",
    "INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.77')", "INSERT INTO ipam.ip_address (address) SELECT '10.0.0.80'::inet + n FROM generate_series(1, 9) AS n",
    "UPDATE ipam.ip_address SET address = '10.0.0.99' WHERE id = 2", "UPDATE ipam.ip_address SET address = address", "DELETE FROM ipam.ip_address WHERE id = 1", "DELETE FROM ipam.ip_address",
    "SELECT ipam.get_free_ip_subnets(1, 24, 3)", "SELECT ipam.get_free_ip_subnets(1, 24, 3, 'BestFit')", "SELECT ipam.get_free_ip_subnets_in_subnet(1, 26, 2)", "SELECT ipam.get_free_ip_ranges(1, 3, 2)",
    "SELECT ipam.largest_free_network(1)", "SELECT count(*) FROM ipam.free_networks(1)",
    "INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.200.0.0/24', 'x')", "UPDATE ipam.ip_subnet SET network = '10.201.0.0/24' WHERE id = 1", "UPDATE ipam.ip_subnet SET virtualization_type = virtualization_type",
    "INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.201', '10.0.0.209')", "UPDATE ipam.ip_range SET end_address = end_address - 1", "UPDATE ipam.ip_range SET managed_by_entity = 'x'",
    "DELETE FROM ipam.ip_range WHERE id = 2", "INSERT INTO ipam.ip_block (network) VALUES ('10.200.0.0/16')", "UPDATE ipam.ip_block SET network = network", "SELECT ipam.delete_subnet(1, delete_ranges => true)",
    "SELECT ipam.propose_occupancy(1, '10.0.0.1', '10.0.0.9', 10)", "SELECT ipam.confirm_occupancy(1, '10.0.0.1', '10.0.0.9')", "SELECT ipam.purge_released_addresses()",
    "SELECT count(*) FROM ipam.check_plan()", "SELECT count(*) FROM ipam.check_occupancy()", "SELECT * FROM ipam.range_utilization", "CALL ipam.provision()", "TRUNCATE ipam.ip_address"]


def alterations(connection):
    for table in TABLES:
        yield from (statement.format(table=table) for statement in OF_TABLE)
    for table, column, is_generated in connection.execute(COLUMNS, (TABLES,)).fetchall():
        yield from (statement.format(table=table, column=column) for statement in OF_COLUMN if not (is_generated and "SET {column} = NULL" in statement))
    for index, in connection.execute(INDEXES, (TABLES,)).fetchall():
        yield from (statement.format(index=index, name=index.removeprefix("ipam.")) for statement in OF_INDEX)
    yield from OF_SCHEMA


def attempt(attack, statement, altered, must_be_understood=False):
    """In the transaction; false: the session is gone."""
    attack.count += 1
    try:
        attack.connection.execute("SAVEPOINT attempt")
        attack.connection.execute(statement)
        attack.connection.execute("RELEASE attempt")
        attack.outcomes["done"] += 1
    except psycopg.Error as error:
        attack.outcomes[error.sqlstate or "lost"] += 1
        attack.judge(error, f"{altered}; {statement}", is_sql=error.sqlstate in MISUNDERSTOOD)
        if must_be_understood and error.sqlstate in MISUNDERSTOOD | {"2D000"}:
            attack.found(f"{error.sqlstate}: {error.diag.message_primary}", statement)
        if attack.connection.closed:
            attack.found("the session is lost", f"{altered}; {statement}")
            return False
        attack.connection.execute("ROLLBACK TO attempt")
    return True


def main():
    database, seed, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    random_ = random.Random(seed)
    attack = Attack(database, "-c statement_timeout=20s")
    everything = list(alterations(attack.connection))
    chosen = everything if number >= len(everything) else random_.sample(everything, number)
    attack.connection.execute("BEGIN")
    for statement in USES:  # as it is, the server understands all of them
        attempt(attack, statement, "nothing", must_be_understood=True)
    attack.connection.execute("ROLLBACK")
    refused = 0
    for altered in chosen:
        attack.connection.execute("BEGIN")
        if random_.random() < 0.5:  # with all that a session remembers
            for statement in USES[:12]:
                attempt(attack, statement, "nothing")
        try:
            attack.connection.execute(altered)
        except psycopg.Error:
            refused += 1
            attack.connection.execute("ROLLBACK")
            continue
        if all(attempt(attack, statement, altered) for statement in USES):
            attack.connection.execute("ROLLBACK")
        else:
            attack.connection = psycopg.connect(dbname="postgres", autocommit=True)  # waits until the server has recovered
            attack.connect()
    print(f"{len(chosen)} of {len(everything)} alterations, {refused} of them refused")
    return attack.report("altered", seed)


if __name__ == "__main__":
    sys.exit(main())
