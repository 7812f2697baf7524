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
