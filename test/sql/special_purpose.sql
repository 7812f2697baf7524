-- Special-purpose networks: why an address is what it is, and that the table agrees with the rules.

-- The largest network first; the last row counts.
SELECT network, name, address_category, is_host_address, consequence FROM ipam.explain_address('192.0.0.170');
SELECT network, name, rfc, address_category, is_host_address FROM ipam.explain_address('100.64.1.2');
SELECT network, name, rfc, is_reserved_by_protocol, is_host_address FROM ipam.explain_address('fe80::1');
SELECT network, name, allocated_on, terminated_on, is_globally_reachable FROM ipam.explain_address('192.88.99.2');
SELECT network, consequence FROM ipam.explain_address('9.9.9.9');

-- A network: what it lies in and what lies in it. This one cannot be a block, because it is mixed.
SELECT network, name, address_category FROM ipam.explain_address('192.160.0.0/11');
SELECT ipam.address_category('192.160.0.0', '192.191.255.255') AS category;
SELECT count(*) AS rows_for_null FROM ipam.explain_address(NULL);
SELECT network, name FROM ipam.explain_address('0.0.0.0/0') ORDER BY network LIMIT 3;
SELECT network FROM ipam.explain_address('::');
SELECT network FROM ipam.explain_address('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
SELECT network FROM ipam.explain_address('255.255.255.255');

-- Networks that the plan takes for public and that the world does not route.
SELECT network, name, address_category FROM ipam.special_purpose_network
WHERE address_category <> 'Private' AND NOT is_globally_reachable ORDER BY network;

-- What the registries list.
SELECT family(network), registry, count(*) FROM ipam.special_purpose_network GROUP BY 1, 2 ORDER BY 1, 2;

-- The rows cut the addresses into stretches. In each one the most specific row and the rules say the same of
-- the stretch as a whole, of its ends and of 50 addresses in between.
CREATE TEMP VIEW stretch AS
WITH border AS (
    SELECT host(network)::inet AS first_address FROM ipam.special_purpose_network
    UNION
    SELECT host(broadcast(network))::inet + 1 FROM ipam.special_purpose_network
    WHERE host(broadcast(network))::inet NOT IN ('255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
), cut AS (
    SELECT first_address,
           coalesce(lead(first_address) OVER (PARTITION BY family(first_address) ORDER BY first_address) - 1,
                    CASE family(first_address) WHEN 4 THEN '255.255.255.255'::inet ELSE 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' END) AS last_address
    FROM border
)
SELECT c.first_address, c.last_address, n.network, n.address_category, n.is_host_address
FROM cut AS c CROSS JOIN LATERAL (
    SELECT e.* FROM ipam.explain_address(c.first_address) AS e ORDER BY masklen(e.network) DESC LIMIT 1) AS n;

SELECT family(first_address), count(*) AS stretches, sum(ipam.address_count(ipam.inetrange(first_address, last_address, '[]'))) AS addresses
FROM stretch GROUP BY 1 ORDER BY 1;
SELECT * FROM stretch
WHERE address_category IS DISTINCT FROM ipam.address_category(first_address, last_address);

CREATE TEMP VIEW probe AS
SELECT s.*, p.address
FROM stretch AS s CROSS JOIN LATERAL (
    SELECT s.first_address
    UNION ALL SELECT s.last_address
    -- The difference of two IPv6 addresses may be more than a bigint: the prefix that both ends share, then
    -- bits of a hash.
    UNION ALL
    SELECT a.address FROM generate_series(0, 50) AS step, LATERAL (
        SELECT CASE family(s.first_address)
            WHEN 4 THEN s.first_address + (s.last_address - s.first_address) * step / 51
            ELSE (s.first_address | hostmask(set_masklen(s.first_address, masklen(inet_merge(s.first_address, s.last_address)))))
               & ((s.first_address & netmask(set_masklen(s.first_address, masklen(inet_merge(s.first_address, s.last_address)))))
                  | regexp_replace(md5(step::text), '(....)(?=.)', '\1:', 'g')::inet)
            END) AS a(address)
    WHERE a.address BETWEEN s.first_address AND s.last_address
) AS p(address);
SELECT family(address), count(*) > 1000 AS many, count(DISTINCT network) FROM probe GROUP BY 1 ORDER BY 1;
SELECT * FROM probe
WHERE address_category IS DISTINCT FROM ipam.address_category(address, address)
   OR is_host_address <> ipam.is_host_address(address);

-- What the sentences say agrees with the columns.
SELECT network, consequence FROM ipam.special_purpose_network
WHERE consequence !~ CASE WHEN address_category IS NOT NULL THEN '^(Counted as )?' || address_category || '[,:]'
                          WHEN is_host_address THEN '^Not for blocks, subnets and ranges' ELSE '^Not for a plan' END;
