"""Values of the range types as bytes, as drivers send them: right ones, wrong ones, bytes changed and cut off.

Whatever is taken is a value like any other: it is what its text says, goes into an index and is found there.
"""
import random
import sys

import psycopg
from attack import MEMORY, Attack

TYPES = {"ipam.inetrange": "range_send", "ipam.inetmultirange": "multirange_send"}
FLAGS = [0, 1, 2, 4, 6, 6, 6, 6, 6, 8, 16, 24, 32, 64, 128, 255]  # of a range: empty, bounds that are inclusive or infinite, bits without a meaning
EDGES = [0, 1, 2, 3, 31, 32, 33, 127, 128, 129, 255]
PREPARE = """
    CREATE TABLE public.received (value ipam.{name});
    CREATE INDEX ON public.received USING gist (value);
    CREATE INDEX ON public.received (value);
    CREATE INDEX ON public.received USING hash (value)"""
# The value comes back out of its own text and of its own bytes, and its operators agree with each other.
TAKE = """
    WITH kept AS (INSERT INTO public.received VALUES ($1::ipam.{name}) RETURNING value)
    SELECT value = value::text::ipam.{name} AND {send}(value) = {send}(value::text::ipam.{name}) AND value <@ value AND value && value <> isempty(value)
        AND value + value = value AND value <@ coalesce(ipam.inetrange(host(lower(value))::inet, host(upper(value))::inet, '[]'), 'empty') FROM kept"""
UNFOUND = """
    SET enable_seqscan = off;
    SELECT count(*) FROM (TABLE public.received LIMIT 200) AS r WHERE NOT isempty(r.value)
    AND (NOT EXISTS (SELECT FROM public.received AS f WHERE f.value && r.value) OR NOT EXISTS (SELECT FROM public.received AS f WHERE f.value = r.value))"""


def mostly(random_, usual, *others):
    return usual if random_.random() < 0.95 else random_.choice(others)


def bound(random_):
    """An inet; its family is the server's number, 2 or 3."""
    family = mostly(random_, 2, 3, 3, 3, *EDGES)
    size = mostly(random_, 4 if family == 2 else 16, *range(20))
    length = mostly(random_, 32 if family == 2 else 128, *EDGES)
    address = bytes(random_.choice([10, 0, 0, 255, random_.randrange(256)]) for _ in range(size))
    image = bytes([family, length, mostly(random_, 0, 1, 255), size]) + address
    return mostly(random_, len(image), -1, 0, 1000000).to_bytes(4, "big", signed=True) + image


def value(random_):
    flags = random_.choice(FLAGS)
    bounds = sum(not flags & bits for bits in (1 | 8 | 32, 1 | 16 | 64))
    return bytes([flags]) + b"".join(sorted(bound(random_) for _ in range(mostly(random_, bounds, 0, 1, 2, 3))))


def values(random_):
    """How many ranges is the true number: the server asks for memory for as many before it reads on, whatever the type."""
    images = [value(random_) for _ in range(random_.choice([0, 1, 1, 2, 3]))]
    return len(images).to_bytes(4, "big") + b"".join(len(i).to_bytes(4, "big") + i for i in images)


def changed(random_, image):
    """Without the first bytes, the number of ranges."""
    image = bytearray(image)
    at = random_.randrange(4, len(image)) if len(image) > 4 else 0
    if random_.random() < 0.5:
        del image[max(at, 4):]
    elif at:
        image[at] = random_.choice(EDGES)
    return bytes(image)


def main():
    database, seed, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    random_ = random.Random(seed)
    attack = Attack(database)
    taken = 0
    for type_ in TYPES:
        name = type_.removeprefix("ipam.")
        attack.connection.execute("DROP TABLE IF EXISTS public.received;" + PREPARE.format(name=name))
        make = values if "multi" in type_ else value
        oid = attack.connection.execute("SELECT %s::regtype::oid", (type_,)).fetchone()[0]
        take = TAKE.format(name=name, send=TYPES[type_]).encode()
        for _ in range(number):
            image = make(random_)
            if random_.random() < 0.1:
                image = changed(random_, image)
            result = attack.connection.pgconn.exec_params(take, [image], [oid], [1])
            attack.count += 1
            if result.status == psycopg.pq.ExecStatus.TUPLES_OK:
                taken += 1
                attack.outcomes["done"] += 1
                if result.get_value(0, 0) != b"t":
                    attack.found(f"{type_}: its bytes and its text do not agree", image.hex())
                continue
            error = psycopg.errors.error_from_result(result)
            attack.outcomes[error.sqlstate or "lost"] += 1
            attack.judge(error, f"{type_}: {image.hex()}")
            if attack.connection.info.status != psycopg.pq.ConnStatus.OK:
                attack.found("the session is lost", f"{type_}: {image.hex()}")
                return attack.report("bytes", seed)
        with attack.connection.cursor() as cursor:
            cursor.execute(UNFOUND)
            cursor.nextset()
            if unfound := cursor.fetchone()[0]:
                attack.found(f"{unfound} values of {type_} are not found by an index", "")
    attack.connection.execute("DROP TABLE public.received")
    attack.peak = attack.memory()
    if attack.peak > MEMORY:
        attack.found(f"it took {attack.peak} MB", "")
    print(f"{taken} values taken")
    return attack.report("bytes", seed)


if __name__ == "__main__":
    sys.exit(main())
