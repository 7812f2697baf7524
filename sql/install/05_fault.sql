-- Faults: one SQLSTATE of class IP for each; the registry itself is in the library.

CREATE FUNCTION ipam.faults(OUT sqlstate text, OUT fault text, OUT meaning text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'ipam_faults';
COMMENT ON FUNCTION ipam.faults() IS
    'every fault that the extension raises: SQLSTATE, protocol name (also in the error''s constraint field) and meaning';

-- Rules of a row are CHECK constraints of the form "holds OR ipam.raise_fault(...)": the rule, its
-- fault and its words stand in one place, and nobody gets around it.
CREATE FUNCTION ipam.raise_fault(fault text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_raise_fault';
COMMENT ON FUNCTION ipam.raise_fault(text, text, text, text) IS
    'raises the named fault of ipam.faults() with message, detail and hint; never returns';

-- Operations take the id of an object; this is what they say where there is none.
CREATE FUNCTION ipam.refuse_unknown(object_type text, id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ipam.raise_fault(
        CASE WHEN id IS NULL THEN 'IpamApiFieldIdNotSpecified' ELSE 'IpamApiObjectNotFoundInDatabase' END,
        CASE WHEN id IS NULL THEN format('the id of the %s is missing', object_type) ELSE format('there is no %s %s', object_type, id) END,
        NULL,
        format('SELECT * FROM ipam.%s lists what you may see.',
               CASE object_type WHEN 'address space' THEN 'address_space' ELSE 'ip_' || object_type END));
END
$$;
COMMENT ON FUNCTION ipam.refuse_unknown(text, bigint) IS
    'raises the fault for an id that is missing (NULL) or unknown; object_type is address space, block, subnet, range or address';
