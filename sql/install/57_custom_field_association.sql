-- Associations of custom field values: which values of two multivalued fields belong together, for example
-- the network sites of a logical network (MS-IPAMM2 3.1.1.1.51).

CREATE TABLE ipam.custom_field_value_association (
    value_id_1 bigint NOT NULL REFERENCES ipam.custom_field_value ON DELETE CASCADE,
    value_id_2 bigint NOT NULL REFERENCES ipam.custom_field_value ON DELETE CASCADE,

    PRIMARY KEY (value_id_1, value_id_2),
    CONSTRAINT custom_field_value_association_order CHECK (value_id_1 < value_id_2)
);
COMMENT ON TABLE ipam.custom_field_value_association IS 'unordered pairs of values of two different fields that belong together';
COMMENT ON COLUMN ipam.custom_field_value_association.value_id_1 IS 'one of the values; the database puts the lower id here';
COMMENT ON COLUMN ipam.custom_field_value_association.value_id_2 IS 'the other value, of another field';

CREATE INDEX custom_field_value_association_value_id_2_idx ON ipam.custom_field_value_association (value_id_2);
COMMENT ON INDEX ipam.custom_field_value_association_value_id_2_idx IS 'pairs of a value that stands second';

CREATE FUNCTION ipam.check_custom_field_value_association() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found record;
BEGIN
    IF NEW.value_id_1 IS NULL OR NEW.value_id_2 IS NULL THEN
        RETURN NEW; -- the columns that must not be null have the words for it
    END IF;
    -- Waits for whoever is deleting one of the values; the foreign key would say less.
    PERFORM FROM ipam.custom_field_value AS v WHERE v.id IN (NEW.value_id_1, NEW.value_id_2) ORDER BY v.id FOR KEY SHARE;
    SELECT v1.id AS id_1, v2.id AS id_2, v1.custom_field_id AS field_1, v2.custom_field_id AS field_2,
           v1.value AS value_1, v2.value AS value_2, f.name
    INTO found
    FROM (VALUES (1)) AS one
        LEFT JOIN ipam.custom_field_value AS v1 ON v1.id = NEW.value_id_1
        LEFT JOIN ipam.custom_field_value AS v2 ON v2.id = NEW.value_id_2
        LEFT JOIN ipam.custom_field AS f ON f.id = v1.custom_field_id;
    IF found.id_1 IS NULL OR found.id_2 IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidCustomFieldAssociationValues',
            format('values %s and %s cannot be associated', NEW.value_id_1, NEW.value_id_2),
            format('There is no custom field value %s.', CASE WHEN found.id_1 IS NULL THEN NEW.value_id_1 ELSE NEW.value_id_2 END),
            'SELECT id, value FROM ipam.custom_field_value lists them.');
    ELSIF found.field_1 = found.field_2 THEN
        refused := ipam.raise_fault('IpamApiSameCustomFieldsInAssociation',
            format('values "%s" and "%s" cannot be associated', found.value_1, found.value_2),
            format('Both are values of custom field "%s".', found.name), 'Associate values of two different fields.');
    END IF;
    NEW.value_id_1 := least(found.id_1, found.id_2);
    NEW.value_id_2 := greatest(found.id_1, found.id_2);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.check_custom_field_value_association() IS
    'trigger: both values exist, belong to different fields, and stand in one order';

CREATE TRIGGER check_custom_field_value_association BEFORE INSERT OR UPDATE ON ipam.custom_field_value_association
    FOR EACH ROW EXECUTE FUNCTION ipam.check_custom_field_value_association();

CREATE VIEW ipam.custom_field_association WITH (security_invoker) AS
SELECT f.id AS custom_field_id, f.name AS custom_field, v.id AS value_id, v.value,
       af.id AS associated_field_id, af.name AS associated_field, av.id AS associated_value_id, av.value AS associated_value
FROM (SELECT a.value_id_1 AS value_id, a.value_id_2 AS associated_value_id FROM ipam.custom_field_value_association AS a
      UNION ALL
      SELECT a.value_id_2, a.value_id_1 FROM ipam.custom_field_value_association AS a) AS pair
    JOIN ipam.custom_field_value AS v ON v.id = pair.value_id
    JOIN ipam.custom_field AS f ON f.id = v.custom_field_id
    JOIN ipam.custom_field_value AS av ON av.id = pair.associated_value_id
    JOIN ipam.custom_field AS af ON af.id = av.custom_field_id;
COMMENT ON VIEW ipam.custom_field_association IS
    'associations with their names, each pair once from either side (MS-IPAMM2 3.3.4.38)';
COMMENT ON COLUMN ipam.custom_field_association.custom_field_id IS 'id of a field';
COMMENT ON COLUMN ipam.custom_field_association.custom_field IS 'its name';
COMMENT ON COLUMN ipam.custom_field_association.value_id IS 'id of a value of the field';
COMMENT ON COLUMN ipam.custom_field_association.value IS 'the value';
COMMENT ON COLUMN ipam.custom_field_association.associated_field_id IS 'id of another field';
COMMENT ON COLUMN ipam.custom_field_association.associated_field IS 'its name';
COMMENT ON COLUMN ipam.custom_field_association.associated_value_id IS 'id of the value of the other field that belongs to the value';
COMMENT ON COLUMN ipam.custom_field_association.associated_value IS 'the other value';

-- A whole list at once (MS-IPAMM2 3.3.4.148).
CREATE FUNCTION ipam.set_custom_field_association(custom_field_id_1 bigint, custom_field_id_2 bigint, pairs text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    field_1 ipam.custom_field;
    field_2 ipam.custom_field;
    values_1 text[];
    values_2 text[];
    ids_1 bigint[];
    ids_2 bigint[];
    wrong record;
BEGIN
    PERFORM ipam.require_ready_store();
    IF custom_field_id_1 IS NULL OR custom_field_id_2 IS NULL THEN
        refused := ipam.raise_fault('IpamApiFieldIdNotSpecified', 'which custom fields are to be associated is missing',
            'One of the ids is NULL.');
    END IF;
    -- One list after the other: who waited here sees what the one before has committed, or fails to serialize.
    PERFORM FROM ipam.custom_field AS f WHERE f.id IN (custom_field_id_1, custom_field_id_2) ORDER BY f.id FOR NO KEY UPDATE;
    UPDATE ipam.custom_field AS f SET type = f.type WHERE f.id IN (custom_field_id_1, custom_field_id_2);
    SELECT f.* INTO field_1 FROM ipam.custom_field AS f WHERE f.id = custom_field_id_1;
    SELECT f.* INTO field_2 FROM ipam.custom_field AS f WHERE f.id = custom_field_id_2;
    IF field_1.id IS NULL OR field_2.id IS NULL THEN
        refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase',
            format('there is no custom field %s', CASE WHEN field_1.id IS NULL THEN custom_field_id_1 ELSE custom_field_id_2 END), NULL,
            'SELECT id, name FROM ipam.custom_field lists them.');
    ELSIF field_1.id = field_2.id THEN
        refused := ipam.raise_fault('IpamApiSameCustomFieldsInAssociation',
            format('custom field "%s" cannot be associated with itself', field_1.name), NULL, 'Name two different fields.');
    ELSIF 'Freeform' IN (field_1.type, field_2.type) THEN
        refused := ipam.raise_fault('IpamApiInvalidCustomFieldTypeInAssociation',
            format('custom fields "%s" and "%s" cannot be associated', field_1.name, field_2.name),
            format('"%s" is Freeform; only values of a list can be associated.',
                   CASE field_1.type WHEN 'Freeform' THEN field_1.name ELSE field_2.name END), 'Use two Multivalued fields.');
    ELSIF pairs IS NULL OR NOT (pairs = '{}' OR (array_ndims(pairs) = 2 AND array_length(pairs, 2) = 2)) THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'the pairs are not a list of pairs',
            format('Given is %s.', coalesce(left(pairs::text, 200), 'NULL')),
            format('Write ARRAY[[value of "%s", value of "%s"], ...], or ''{}'' for no pairs.', field_1.name, field_2.name));
    END IF;

    -- Looked up once: what goes meanwhile, the trigger misses.
    SELECT array_agg(p.value_1), array_agg(p.value_2), array_agg(v1.id), array_agg(v2.id) INTO values_1, values_2, ids_1, ids_2
    FROM (SELECT max(u.value) FILTER (WHERE u.n % 2 = 1) AS value_1, max(u.value) FILTER (WHERE u.n % 2 = 0) AS value_2
          FROM unnest(pairs) WITH ORDINALITY AS u(value, n)
          GROUP BY (u.n + 1) / 2) AS p
        LEFT JOIN ipam.custom_field_value AS v1 ON v1.custom_field_id = field_1.id AND v1.value = p.value_1 COLLATE "C"
        LEFT JOIN ipam.custom_field_value AS v2 ON v2.custom_field_id = field_2.id AND v2.value = p.value_2 COLLATE "C";
    SELECT u.value_1, u.value_2, u.id_1, u.id_2, count(*) AS times INTO wrong
    FROM unnest(values_1, values_2, ids_1, ids_2) AS u(value_1, value_2, id_1, id_2)
    GROUP BY u.value_1, u.value_2, u.id_1, u.id_2
    HAVING count(*) > 1 OR u.id_1 IS NULL OR u.id_2 IS NULL
    ORDER BY u.value_1, u.value_2 LIMIT 1;
    IF wrong.times > 1 THEN
        refused := ipam.raise_fault('IpamApiDuplicateCustomFieldAssociationValues',
            format('values "%s" and "%s" are associated more than once', wrong.value_1, wrong.value_2),
            format('The pair is %s times in the list.', wrong.times), 'Name each pair once.');
    ELSIF wrong.times = 1 THEN
        refused := ipam.raise_fault('IpamApiInvalidCustomFieldAssociationValues',
            format('values "%s" and "%s" cannot be associated', wrong.value_1, wrong.value_2),
            CASE WHEN wrong.id_1 IS NULL THEN format('Custom field "%s" has no value "%s".', field_1.name, wrong.value_1)
                 ELSE format('Custom field "%s" has no value "%s".', field_2.name, wrong.value_2) END,
            'Add it to ipam.custom_field_value first.');
    END IF;

    DELETE FROM ipam.custom_field_value_association AS a
    USING ipam.custom_field_value AS v1, ipam.custom_field_value AS v2
    WHERE v1.id = a.value_id_1 AND v2.id = a.value_id_2
      AND least(v1.custom_field_id, v2.custom_field_id) = least(field_1.id, field_2.id)
      AND greatest(v1.custom_field_id, v2.custom_field_id) = greatest(field_1.id, field_2.id)
      AND NOT EXISTS (
          SELECT FROM unnest(ids_1, ids_2) AS kept(id_1, id_2)
          WHERE least(kept.id_1, kept.id_2) = a.value_id_1 AND greatest(kept.id_1, kept.id_2) = a.value_id_2);
    INSERT INTO ipam.custom_field_value_association (value_id_1, value_id_2)
    SELECT u.id_1, u.id_2 FROM unnest(ids_1, ids_2) AS u(id_1, id_2)
    ON CONFLICT DO NOTHING;
    RETURN coalesce(cardinality(ids_1), 0);
END
$$;
COMMENT ON FUNCTION ipam.set_custom_field_association(bigint, bigint, text[]) IS
    'makes the pairs, {{value of the first field, value of the second field}, ...}, all that is associated between two fields; returns their number (MS-IPAMM2 3.3.4.129, 3.3.4.148)';
