-- One hot /12 for each way to allocate, so that each has its own fullness, and the ways that are not ours.
INSERT INTO ipam.ip_subnet (network, name)
SELECT format('20.%s.0.0/12', 16 * n)::cidr, way FROM unnest('{insert,ours,row_lock,row_lock_sql,retry}'::text[]) WITH ORDINALITY AS w(way, n);
INSERT INTO ipam.ip_range (start_address, end_address)
SELECT host(network)::inet + 1, host(broadcast(network))::inet - 1 FROM ipam.ip_subnet;
-- And one of which only 256 addresses are left.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('21.0.0.0/16', 'last');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('21.0.0.1', '21.0.4.0');
INSERT INTO ipam.ip_address (address) SELECT inet '21.0.0.1' + n FROM generate_series(0, 1023) AS n WHERE n / 256 <> 2;

CREATE SEQUENCE bench.next_known;
CREATE FUNCTION bench.range_of(way text) RETURNS bigint LANGUAGE sql STABLE
RETURN (SELECT r.id FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id WHERE s.name = range_of.way);

-- Whoever allocates locks the range first.
CREATE FUNCTION bench.row_lock(range_id bigint) RETURNS inet LANGUAGE plpgsql AS $$
DECLARE
    got inet;
BEGIN
    PERFORM FROM ipam.ip_range AS r WHERE r.id = range_id FOR UPDATE;
    INSERT INTO ipam.ip_address (address) SELECT f FROM ipam.get_free_ip_addresses(range_id) AS f RETURNING address INTO got;
    RETURN got;
END
$$;

-- The same with the best search in plain SQL: a recorded address whose neighbour is not.
CREATE FUNCTION bench.row_lock_sql(range_id bigint) RETURNS inet LANGUAGE plpgsql AS $$
DECLARE
    got inet;
BEGIN
    SELECT r.start_address INTO got FROM ipam.ip_range AS r WHERE r.id = range_id FOR UPDATE;
    IF EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.range_id = row_lock_sql.range_id AND a.address = got) THEN
        SELECT g.address + 1 INTO got
        FROM (SELECT a.address, lead(a.address) OVER (ORDER BY a.address) AS next FROM ipam.ip_address AS a WHERE a.range_id = row_lock_sql.range_id) AS g
        WHERE g.next IS DISTINCT FROM g.address + 1
        LIMIT 1;
    END IF;
    INSERT INTO ipam.ip_address (address) VALUES (got);
    RETURN got;
END
$$;

-- Takes the first free address and tries again when somebody else did too.
CREATE FUNCTION bench.retry(range_id bigint) RETURNS inet LANGUAGE plpgsql AS $$
DECLARE
    got inet;
BEGIN
    LOOP
        BEGIN
            INSERT INTO ipam.ip_address (address) SELECT f FROM ipam.get_free_ip_addresses(range_id) AS f RETURNING address INTO got;
            RETURN got;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

-- A row for each address, as FreeRADIUS and Kea have it. Taking one is an UPDATE; nothing else is recorded.
CREATE TABLE bench.pool (address inet PRIMARY KEY, taken_by text, expires_at timestamptz NOT NULL DEFAULT '-infinity') WITH (fillfactor = 80);
INSERT INTO bench.pool (address) SELECT inet '20.96.0.1' + n FROM generate_series(0, 1048573) AS n;
CREATE INDEX pool_expires_at_idx ON bench.pool (expires_at, address);
CREATE FUNCTION bench.skip_locked() RETURNS inet LANGUAGE sql
BEGIN ATOMIC
    UPDATE bench.pool SET taken_by = 'host', expires_at = now() + interval '1 day'
    WHERE address = (SELECT p.address FROM bench.pool AS p WHERE p.expires_at < now() ORDER BY p.expires_at, p.address LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING address;
END;
VACUUM ANALYZE bench.pool;
