-- The workloads W1 to W8: one range each, filled in different ways. Of the psql variables, large_prefix is the prefix
-- length of W4, W5 and W8, and names tells which workloads to make.

SET client_min_messages = warning;
SELECT setseed(0.5) \g /dev/null

CREATE TABLE bench.workload (
    name     text PRIMARY KEY,
    network  cidr NOT NULL,
    range_id bigint,
    first    inet,
    size     numeric
);
INSERT INTO bench.workload (name, network) VALUES
    ('W1', '192.168.1.0/24'),
    ('W2', '20.2.0.0/16'),
    ('W3', '20.3.0.0/16'),
    ('W4', set_masklen(cidr '10.0.0.0/8', :large_prefix)),
    ('W5', set_masklen(cidr '11.0.0.0/8', :large_prefix)),
    ('W6', '2001:db8::/64'),
    ('W7', '172.16.0.0/12'),
    ('W8', set_masklen(cidr '12.0.0.0/8', :large_prefix));
DELETE FROM bench.workload WHERE name <> ALL (:'names');

INSERT INTO ipam.ip_subnet (network, name) SELECT network, name FROM bench.workload;
-- In IPv4 a range has neither the network nor the broadcast address.
INSERT INTO ipam.ip_range (network, start_address, end_address)
SELECT network, host(network)::inet + (family(network) = 4)::integer, host(broadcast(network))::inet - (family(network) = 4)::integer
FROM bench.workload;
UPDATE bench.workload AS w SET range_id = r.id, first = r.start_address, size = ipam.address_count(r.extent)
FROM ipam.ip_range AS r WHERE r.network = w.network;

-- Row by row through the triggers, which map the addresses to their range.
INSERT INTO ipam.ip_address (address)
SELECT first + i FROM bench.workload, generate_series(0, size::bigint - 1) AS i WHERE name = 'W1' AND random() < 0.5;
INSERT INTO ipam.ip_address (address)
SELECT first + i FROM bench.workload, generate_series(0, size::bigint - 1) AS i WHERE name = 'W2' AND random() < 0.5;
INSERT INTO ipam.ip_address (address)
SELECT first + i FROM bench.workload, generate_series(0, (size * 0.999)::bigint - 1) AS i WHERE name = 'W3';

-- Millions of rows: without triggers and foreign keys, in this load only. Constraints and indexes
-- work as ever; the mapping is given here and checked below.
SET session_replication_role = replica;
INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
SELECT first + i, range_id, 'NonVirtualized'
FROM bench.workload, generate_series(0, size::bigint - 11) AS i WHERE name = 'W4';
INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
SELECT first + i, range_id, 'NonVirtualized'
FROM bench.workload, generate_series(0, size::bigint - 1) AS i WHERE name = 'W5' AND random() < 0.06;
INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
SELECT first + i, range_id, 'NonVirtualized'
FROM bench.workload, generate_series(0, 1999999) AS i WHERE name = 'W6' AND random() < 0.5;
INSERT INTO ipam.ip_address (address, range_id, virtualization_type)
SELECT first + i, range_id, 'NonVirtualized'
FROM bench.workload, generate_series(0, size::bigint - 1) AS i WHERE name = 'W8' AND random() < 0.5;
RESET session_replication_role;

VACUUM (ANALYZE) ipam.ip_address, ipam.ip_range, ipam.ip_subnet;

DO $$
BEGIN
    ASSERT NOT EXISTS (
        SELECT FROM ipam.ip_address AS a LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
        WHERE r.id IS NULL OR a.address NOT BETWEEN r.start_address AND r.end_address),
        'every address is mapped to the range that holds it';
END
$$;
CHECKPOINT;
