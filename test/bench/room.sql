-- Plans with many subnets, in which room for one more is looked for, and the same question in plain SQL. The
-- psql variable prefixes names a file with lines of country, family and prefix; empty: do without R5 and R6.

SET client_min_messages = warning;
SELECT setseed(0.5) \g /dev/null

CREATE TABLE bench.room (
    name          text PRIMARY KEY,
    network       cidr NOT NULL,
    prefix_length integer NOT NULL, -- that is asked for
    rir           text
);
INSERT INTO bench.room VALUES
    ('R1', 'fd00:1::/32', 64),
    ('R2', 'fd00:2::/32', 64),
    ('R3', 'fd00:3::/32', 64),
    ('R4', '10.0.0.0/8', 24);
CREATE TABLE bench.subnet (network cidr PRIMARY KEY);
INSERT INTO bench.subnet
SELECT DISTINCT format('fd00:1:%s:%s::/64', to_hex((random() * 65535)::integer), to_hex((random() * 65535)::integer))::cidr
FROM generate_series(1, 50000);
INSERT INTO bench.subnet
SELECT format('fd00:2:%s:%s::/64', to_hex(n >> 16), to_hex(n & 65535))::cidr FROM generate_series(0, 49999) AS n;
INSERT INTO bench.subnet
SELECT DISTINCT format('fd00:3:%s:%s::/63', to_hex((random() * 65535)::integer), to_hex((random() * 32767)::integer * 2))::cidr
FROM generate_series(1, 50000);
INSERT INTO bench.subnet VALUES ('10.0.0.0/9');
INSERT INTO bench.subnet SELECT set_masklen('10.0.0.0'::inet + n * 128, 25)::cidr FROM generate_series(0, 49999) AS n;

SELECT :'prefixes' <> '' AS with_prefixes \gset
\if :with_prefixes
CREATE TABLE bench.country (country text, family integer, network cidr);
\copy bench.country FROM PROGRAM 'zcat "$PREFIXES"' WITH (FORMAT csv, HEADER)
INSERT INTO bench.room VALUES ('R5', '64.0.0.0/3', 24, 'ARIN'), ('R6', '2a00::/11', 32, NULL);
INSERT INTO bench.subnet SELECT DISTINCT network FROM bench.country
WHERE masklen(network) BETWEEN 1 AND CASE family(network) WHEN 4 THEN 30 ELSE 127 END
ON CONFLICT DO NOTHING;
\endif

-- Without triggers, which work out parents and what counts for utilization: nothing that the search reads.
INSERT INTO ipam.ip_block (network, rir) SELECT network, rir FROM bench.room;
SET session_replication_role = replica;
INSERT INTO ipam.ip_subnet (network, name, virtualization_type, use_for_utilization)
SELECT network, 'bench', 'NonVirtualized', true FROM bench.subnet;
INSERT INTO ipam.ip_address (address, virtualization_type)
SELECT '10.64.0.0'::inet + n, 'NonVirtualized' FROM generate_series(0, 49999) AS n;
RESET session_replication_role;
VACUUM (ANALYZE) ipam.ip_block, ipam.ip_subnet, ipam.ip_range, ipam.ip_address;

-- What one would write: the gaps between neighbours, and the first network of the length in each. Recorded
-- addresses, child blocks and subnets around the block are left out of account. Inlined where it is called;
-- without ORDER BY, because the gaps come in order anyway and LIMIT can end the work.
CREATE FUNCTION bench.gap_query(block cidr, length integer, wanted integer) RETURNS SETOF cidr
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT f.free
    FROM (SELECT set_masklen(block::inet, CASE family(block) WHEN 4 THEN 32 ELSE 128 END) AS first,
                 coalesce((SELECT set_masklen(s.network::inet, CASE family(block) WHEN 4 THEN 32 ELSE 128 END) - 1
                           FROM ipam.ip_subnet AS s WHERE s.address_space_id = 1 AND s.network <<= block ORDER BY s.network LIMIT 1),
                          set_masklen(broadcast(block), CASE family(block) WHEN 4 THEN 32 ELSE 128 END)) AS last
          UNION ALL
          SELECT max(set_masklen(broadcast(s.network), CASE family(block) WHEN 4 THEN 32 ELSE 128 END)) OVER before_it + 1,
                 coalesce(set_masklen((lead(s.network) OVER before_it)::inet, CASE family(block) WHEN 4 THEN 32 ELSE 128 END) - 1,
                          set_masklen(broadcast(block), CASE family(block) WHEN 4 THEN 32 ELSE 128 END))
          FROM ipam.ip_subnet AS s
          WHERE s.address_space_id = 1 AND s.network <<= block
          WINDOW before_it AS (ORDER BY s.network)) AS g,
         LATERAL (SELECT network(set_masklen(g.first, length)) AS here) AS h,
         LATERAL (SELECT CASE WHEN set_masklen(h.here::inet, masklen(g.first)) = g.first THEN h.here
                              ELSE network(set_masklen(set_masklen(broadcast(h.here), masklen(g.first)) + 1, length)) END AS free) AS f
    WHERE g.first <= g.last AND f.free <<= block AND set_masklen(broadcast(f.free), masklen(g.first)) <= g.last
    LIMIT wanted;
END;
