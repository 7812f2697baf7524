-- A version step that exists only for test/t/070_conversion.pl and is never shipped. It changes two objects,
-- the way docs/conversion.md asks for, and keeps account of everything the test wants to know.
\echo Use "ALTER EXTENSION ipam UPDATE" to load this file. \quit

-- Addresses get a column that is worked out from another one. Whoever writes an address writes it.
-- conversions counts how often an old row has been converted; a version step that is shipped has no need of it.
ALTER TABLE ipam.ip_address ADD COLUMN address_text text, ADD COLUMN conversions integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN ipam.ip_address.address_text IS 'the address as text';
COMMENT ON COLUMN ipam.ip_address.conversions IS 'how often the row was converted; 0: written in the new layout';

CREATE FUNCTION ipam.write_address_text() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.address_text IS NULL THEN
        NEW.conversions := NEW.conversions + 1;
    END IF;
    NEW.address_text := host(NEW.address);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.write_address_text() IS 'trigger: writes an address in the layout of 1.99';
CREATE TRIGGER write_address_text BEFORE INSERT OR UPDATE OF address ON ipam.ip_address
    FOR EACH ROW EXECUTE FUNCTION ipam.write_address_text();

-- Ranges get a row in a table of their own.
CREATE TABLE ipam.range_size (
    range_id    bigint PRIMARY KEY REFERENCES ipam.ip_range ON DELETE CASCADE,
    size        numeric NOT NULL,
    conversions integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE ipam.range_size IS 'number of addresses of each range';
COMMENT ON COLUMN ipam.range_size.range_id IS 'the range';
COMMENT ON COLUMN ipam.range_size.size IS 'its addresses';
COMMENT ON COLUMN ipam.range_size.conversions IS 'how often the row was converted; 0: written in the new layout';

CREATE FUNCTION ipam.write_range_size() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO ipam.range_size AS s (range_id, size, conversions)
    VALUES (NEW.id, NEW.end_address - NEW.start_address + 1, (TG_OP = 'UPDATE')::integer)
    ON CONFLICT (range_id) DO UPDATE SET size = EXCLUDED.size;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.write_range_size() IS 'trigger: writes a range in the layout of 1.99';
CREATE TRIGGER write_range_size AFTER INSERT OR UPDATE OF start_address, end_address ON ipam.ip_range
    FOR EACH ROW EXECUTE FUNCTION ipam.write_range_size();

-- What the batches did, for the test.
CREATE TABLE ipam.conversion_log (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    step         text NOT NULL,
    after        text,
    high_water   text,
    rows         bigint NOT NULL,
    milliseconds numeric NOT NULL,
    logged_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ipam.conversion_log IS 'one row for each batch that was committed';

-- The batches. A batch goes through a range of keys; rows that the trigger has written meanwhile stay as they are.
CREATE FUNCTION ipam.convert_addresses(after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    first CONSTANT bigint := coalesce(after::bigint, 0);
    last bigint;
BEGIN
    SELECT count(*), max(id) INTO rows, last
    FROM (SELECT a.id FROM ipam.ip_address AS a WHERE a.id > first ORDER BY a.id LIMIT batch_rows) AS b;
    UPDATE ipam.ip_address AS a SET address_text = host(a.address), conversions = a.conversions + 1
    WHERE a.id > first AND a.id <= last AND a.address_text IS NULL;
    high_water := coalesce(last, first);
    finished := rows < batch_rows;
    INSERT INTO ipam.conversion_log (step, after, high_water, rows, milliseconds)
    VALUES ('addresses', after, high_water, rows, 1000 * extract(epoch FROM clock_timestamp() - began));
END
$$;
COMMENT ON FUNCTION ipam.convert_addresses(text, integer) IS 'batch: addresses in the layout of 1.99';

CREATE FUNCTION ipam.count_addresses() RETURNS bigint
LANGUAGE sql STABLE
RETURN (SELECT count(*) FROM ipam.ip_address);
COMMENT ON FUNCTION ipam.count_addresses() IS 'rows that convert_addresses() has to go through';

CREATE FUNCTION ipam.convert_ranges(after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    first CONSTANT bigint := coalesce(after::bigint, 0);
BEGIN
    -- The lock, for the two must not be worked out from different versions of the range.
    WITH batch AS (SELECT r.id, r.start_address, r.end_address FROM ipam.ip_range AS r
                   WHERE r.id > first ORDER BY r.id LIMIT batch_rows FOR NO KEY UPDATE),
         new AS (INSERT INTO ipam.range_size (range_id, size, conversions)
                 SELECT b.id, b.end_address - b.start_address + 1, 1 FROM batch AS b ON CONFLICT DO NOTHING)
    SELECT count(*), coalesce(max(b.id), first) INTO rows, high_water FROM batch AS b;
    finished := rows < batch_rows;
    INSERT INTO ipam.conversion_log (step, after, high_water, rows, milliseconds)
    VALUES ('ranges', after, high_water, rows, 1000 * extract(epoch FROM clock_timestamp() - began));
END
$$;
COMMENT ON FUNCTION ipam.convert_ranges(text, integer) IS 'batch: ranges in the layout of 1.99';

-- The column becomes NOT NULL in three steps, so that the strong lock is held for a moment only: a constraint
-- that looks at new rows, then a look at the old ones that is in nobody's way, then what is proved by it.
CREATE FUNCTION ipam.require_address_text(after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = 'ipam.ip_address'::regclass AND c.conname = 'address_text_not_null') THEN
        ALTER TABLE ipam.ip_address ADD CONSTRAINT address_text_not_null CHECK (address_text IS NOT NULL) NOT VALID;
    END IF;
    rows := 0;
    finished := true;
END
$$;
COMMENT ON FUNCTION ipam.require_address_text(text, integer) IS 'switch: no row without address_text can be written any more';

CREATE FUNCTION ipam.validate_address_text(after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    ALTER TABLE ipam.ip_address VALIDATE CONSTRAINT address_text_not_null;
    rows := 0;
    finished := true;
END
$$;
COMMENT ON FUNCTION ipam.validate_address_text(text, integer) IS 'step: no row without address_text is left';

CREATE FUNCTION ipam.switch_address_text(after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    ALTER TABLE ipam.ip_address ALTER COLUMN address_text SET NOT NULL;
    -- Not in one statement: that would drop the proof first, and read the table to find another one.
    ALTER TABLE ipam.ip_address DROP CONSTRAINT IF EXISTS address_text_not_null;
    rows := 0;
    finished := true;
END
$$;
COMMENT ON FUNCTION ipam.switch_address_text(text, integer) IS 'switch: address_text is NOT NULL';

INSERT INTO ipam.schema_conversion (from_version, to_version) VALUES ('1.0', '1.99');
INSERT INTO ipam.schema_conversion_step (from_version, to_version, position, name, is_switch, batch_function, count_function)
VALUES ('1.0', '1.99', 1, 'addresses', false, 'ipam.convert_addresses', 'ipam.count_addresses'),
       ('1.0', '1.99', 2, 'ranges', false, 'ipam.convert_ranges', NULL),
       ('1.0', '1.99', 3, 'address_text required', true, 'ipam.require_address_text', NULL),
       ('1.0', '1.99', 4, 'address_text validated', false, 'ipam.validate_address_text', NULL),
       ('1.0', '1.99', 5, 'address_text not null', true, 'ipam.switch_address_text', NULL);
