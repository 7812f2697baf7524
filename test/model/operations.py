"""Random operations on a plan. The universe is small, so that they meet each other often.

An operation is a statement, the names of the rules that it breaks according to the model, and what it does to
the model if the database takes it.
"""
import ipaddress
import re
from dataclasses import replace

from calls import Calls
from choice import Chosen, Near, Unchanged
from material import POOLS, UNKNOWN, Material
from network import Span, is_in
from operation import Operation
from plan import BUILDING, Address, Block, Plan, Range, Space, Subnet

TABLES = {"space": "spaces", "block": "blocks", "subnet": "subnets", "range": "ranges", "address": "addresses"}
LIMITS = {"blocks": 24, "subnets": 24, "ranges": 24, "addresses": 60, "spaces": 5}


class Generator(Material, Calls):
    def __init__(self, random, plan: Plan):
        self.random = random
        self.plan = plan

    # --- operations --------------------------------------------------------------------------------------

    def next(self):
        while True:
            kind = self.random.choices(
                ["insert_space", "delete_space", "insert_block", "update_block", "delete_block", "insert_subnet", "update_subnet",
                 "delete_subnet", "choose_subnet", "insert_range", "update_range", "delete_range", "choose_range", "insert_address",
                 "update_address", "delete_address", "insert_value", "rename_value", "delete_value", "insert_many", "delete_many",
                 "allocate_range", "release_address", "move_address", "move_addresses", "drop_block", "drop_range", "drop_subnet"],
                [1, 0.6, 12, 5, 6, 12, 6, 6, 5, 16, 9, 5, 6, 20, 9, 6, 3, 4, 2, 12, 4,
                 12, 5, 5, 5, 2, 2, 2])[0]
            table = TABLES.get(kind.split("_")[1])
            rows = getattr(self.plan, table) if table else None
            if kind.startswith("insert_") and table and len(rows) >= LIMITS[table]:
                kind = "delete_" + kind.split("_")[1]
            if table and not kind.startswith("insert_") and not rows:
                continue
            operation = getattr(self, kind)()
            if operation is not None:
                return operation

    def insert_space(self):
        provider = None if self.chance(40) else self.some(self.plan.spaces)
        type_ = "Provider" if provider is None else "Customer"
        wrong = set()
        if provider is not None and self.plan.spaces[provider].type == "Customer":
            wrong.add("IpamApiInvalidProviderAddressSpace")
        if self.chance(5):
            type_ = {"Provider": "Customer", "Customer": "Provider"}[type_]
            wrong |= {"IpamApiInvalidProviderAddressSpace", "IpamApiIsolationMethodNotSpecified"}
        return Operation(
            "insert_space", "INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES (%s, %s, %s, %s) RETURNING id",
            (f"space {self.random.randrange(10**9)}", type_, provider, None if provider is None else "VXLAN"), wrong,
            lambda id: self.plan.spaces.__setitem__(id, Space(type_, provider)))

    def delete_space(self):
        space = self.some(self.plan.spaces)
        return Operation("delete_space", "DELETE FROM ipam.address_space WHERE id = %s RETURNING id", (space,),
                         self.plan.wrong_space_delete(space), lambda id: self.plan.delete_space(space))

    def random_block(self):
        network = self.network()
        first, last = network.network_address, network.broadcast_address
        if self.chance(25):
            first, last = sorted([self.address(), self.address()], key=lambda a: (a.version, int(a)))
            if self.chance(80):
                network = self.network(first)
                first = max(first, network.network_address) if is_in(first, network) else network.network_address
                last = last if is_in(last, network) else network.broadcast_address
                if first > last:
                    first, last = last, first
        if self.plan.blocks and self.chance(12):  # the same addresses again, in another network
            other = self.plan.blocks[self.some(self.plan.blocks)]
            first, last, network = other.first, other.last, ipaddress.ip_network((other.first, self.random.randint(17, 30) if other.first.version == 4 else self.random.randint(110, 127)), strict=False)
        rir = "RIPE" if (str(network).startswith("198") or self.chance(2)) and not self.chance(3) else None
        return Block(network, first, last, rir)

    def insert_block(self):
        block = self.random_block()
        return Operation(
            "insert_block", "INSERT INTO ipam.ip_block (network, start_address, end_address, rir) VALUES (%s, %s, %s, %s) RETURNING id",
            (block.network, block.first, block.last, block.rir), self.plan.wrong_block(block),
            lambda id: self.plan.blocks.__setitem__(id, block))

    def update_block(self):
        id_ = self.some(self.plan.blocks)
        old = self.plan.blocks[id_]
        block = replace(self.random_block(), rir=old.rir)
        if self.chance(30):  # only an end
            block = replace(old, last=self.address())
        return Operation(
            "update_block", *update("ip_block", id_, [
                ("network", old.network, block.network), ("start_address", old.first, block.first), ("end_address", old.last, block.last)]),
            self.plan.wrong_block(block, id_),
            lambda id: self.plan.blocks.__setitem__(id_, block))

    def delete_block(self):
        id_ = self.some(self.plan.blocks)
        return Operation("delete_block", "DELETE FROM ipam.ip_block WHERE id = %s RETURNING id", (id_,), set(), lambda id: self.plan.blocks.pop(id_))

    def insert_subnet(self):
        space, type_ = self.space(), self.type()
        subnet = Subnet(space, self.network(), type_ or self.natural_type(space), self.building())
        return Operation(
            "insert_subnet",
            "INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type, custom_fields) VALUES (%s, %s, 'x', %s, %s) RETURNING id",
            (subnet.space, subnet.network, type_, Json.of(subnet)), self.plan.wrong_subnet(subnet),
            lambda id: self.plan.subnets.__setitem__(id, subnet), Unchanged("ip_subnet"))

    def update_subnet(self):
        id_ = self.some(self.plan.subnets)
        old = self.plan.subnets[id_]
        subnet = replace(old, network=self.network()) if self.chance(50) else old
        if self.chance(50):  # with its ranges and their addresses
            space = self.space()
            subnet = replace(subnet, space=space, type=self.natural_type(space))
        return Operation(
            "update_subnet", *update("ip_subnet", id_, [
                ("address_space_id", old.space, subnet.space), ("network", old.network, subnet.network),
                ("virtualization_type", old.type, subnet.type)]), self.plan.wrong_subnet(subnet, id_),
            lambda id: self.plan.update_subnet(id_, subnet),
            Near("ip_subnet", self.plan.overlapping_subnets, id_, self.plan.overlapping_subnets(id_) | self.plan.overlapping_subnets(id_, subnet),
                 only_here=True))

    def delete_subnet(self):
        id_ = self.some(self.plan.subnets)
        wrong = {"IpamApiRangesDependentOnSubnet"} if any(self.plan.subnet_of(r) == id_ for r in self.plan.ranges.values()) else set()
        return Operation("delete_subnet", "DELETE FROM ipam.ip_subnet WHERE id = %s RETURNING id", (id_,), wrong,
                         lambda id: self.plan.subnets.pop(id_), Near("ip_subnet", self.plan.overlapping_subnets, id_))

    def choose_subnet(self):
        return self.choose("ip_subnet", self.some(self.plan.subnets), self.plan.overlapping_subnets)

    def choose_range(self):
        return self.choose("ip_range", self.some(self.plan.ranges), self.plan.overlapping_ranges)

    def choose(self, table, id_, overlapping):
        """Remap. (Taking the choice away is looked at where the choice is known: see sequence.py.)"""
        return Operation("choose_" + table[3:], f"UPDATE ipam.{table} SET use_for_utilization = true WHERE id = %s RETURNING id",
                         (id_,), set(), lambda id: None, Chosen(table, overlapping, id_))

    def random_range(self, old=None):
        space = old.space if old and self.chance(80) else self.space()
        first = self.address() if not self.plan.subnets or self.chance(30) else self.address_in(self.plan.subnets[self.some(self.plan.subnets)].network)
        try:
            last = first + self.random.choice([0, 1, 2, 5, 9, 20, -1 if self.chance(5) else 3])
        except ipaddress.AddressValueError:
            last = first
        network = self.network(first) if self.chance(25) else None
        managed_by, entity = self.service()
        reserved = excluded = None
        if self.chance(10):
            reserved = Span(min(first, last) + self.random.randint(0, 2), max(first, last))
            reserved = reserved if reserved.first <= reserved.last else None
        if self.chance(40 if managed_by == "MS DHCP" else 2):
            excluded = Span(first, min(first, last) + self.random.randint(0, 3))
            excluded = excluded if excluded.first <= excluded.last else None
        return space, network, first, last, managed_by, entity, reserved, excluded

    def address_in(self, network):
        return network[self.random.randrange(min(network.num_addresses, 64))]

    def insert_range(self):
        space, network, first, last, managed_by, entity, reserved, excluded = self.random_range()
        type_ = self.type()
        subnet = self.plan.subnet_around(space, Span(first, last), network.prefixlen if network else 128)
        resolved = type_ or (self.plan.subnets[subnet].type if subnet else self.natural_type(space))
        given = Range(space, network, first, last, managed_by, entity, resolved, reserved, excluded)
        wrong = self.plan.wrong_range(given)
        if subnet and not network:
            given = replace(given, network=self.plan.subnets[subnet].network)
        return Operation(
            "insert_range",
            "INSERT INTO ipam.ip_range (address_space_id, network, start_address, end_address, managed_by, managed_by_entity, virtualization_type,"
            " reserved_addresses, excluded_addresses) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (space, network, first, last, managed_by, entity, type_, multirange(reserved), multirange(excluded)), wrong,
            lambda id: self.plan.ranges.__setitem__(id, given), Unchanged("ip_range"))

    def update_range(self):
        id_ = self.some(self.plan.ranges)
        old = self.plan.ranges[id_]
        space, network, first, last, managed_by, entity, reserved, excluded = self.random_range(old)
        given = old
        if self.chance(70):  # resize or move inside the network
            first = first if is_in(first, old.network) or self.chance(5) else self.address_in(old.network)
            given = replace(old, first=first, last=max(last, first) if last.version == first.version and self.chance(95) else first)
            if self.chance(50):
                given = replace(given, reserved=None, excluded=None)
        if self.chance(30):
            given = replace(given, managed_by=managed_by if self.chance(40) else old.managed_by, managed_by_entity=entity)
        if self.chance(10):
            given = replace(given, network=network or given.network)
        if self.chance(15):
            given = replace(given, space=space, type=self.natural_type(space))
        wrong = self.plan.wrong_range(given, id_)
        near = self.plan.overlapping_ranges(id_) | (set() if wrong else self.plan.overlapping_ranges(id_, given))
        return Operation(
            "update_range", *update("ip_range", id_, [
                ("address_space_id", old.space, given.space), ("network", old.network, given.network), ("start_address", old.first, given.first),
                ("end_address", old.last, given.last), ("managed_by", old.managed_by, given.managed_by),
                ("managed_by_entity", old.managed_by_entity, given.managed_by_entity), ("virtualization_type", old.type, given.type),
                ("reserved_addresses", multirange(old.reserved), multirange(given.reserved)),
                ("excluded_addresses", multirange(old.excluded), multirange(given.excluded))]), wrong,
            lambda id: self.plan.update_range(id_, given), Near("ip_range", self.plan.overlapping_ranges, id_, near))

    def delete_range(self):
        id_ = self.some(self.plan.ranges)
        return Operation("delete_range", "DELETE FROM ipam.ip_range WHERE id = %s RETURNING id", (id_,), set(),
                         lambda id: self.plan.ranges.pop(id_), Near("ip_range", self.plan.overlapping_ranges, id_))

    def random_address(self):
        place = self.address()
        if self.plan.ranges and self.chance(70):
            given = self.plan.ranges[self.some(self.plan.ranges)]
            place = given.first + self.random.randrange(min(int(given.last) - int(given.first) + 1, 30))
            if self.chance(70):
                return given.space, place, given.managed_by, given.managed_by_entity
        return (self.space(), place, *self.service())

    def insert_address(self):
        space, place, managed_by, entity = self.random_address()
        type_ = self.type()
        given = Address(space, place, managed_by, entity, self.value(10, 85), self.value(7, 85), "", self.building())
        range_id = self.plan.range_of(given)
        given = replace(given, type=type_ or (self.plan.ranges[range_id].type if range_id else self.natural_type(space)))
        wrong = self.plan.wrong_address(given)
        asked = None
        if self.chance(10):
            asked = range_id if self.chance(50) else self.some(self.plan.ranges)
            if asked is not None and asked != range_id:
                wrong = wrong | {"IpamApiIpAddressOutOfRange"}
        return Operation(
            "insert_address",
            "INSERT INTO ipam.ip_address (address_space_id, address, managed_by, managed_by_entity, state, device_type, virtualization_type,"
            " custom_fields, range_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (space, place, managed_by, entity, given.state, given.device_type, type_, Json.of(given), asked), wrong,
            lambda id: self.plan.addresses.__setitem__(id, given))

    def update_address(self):
        id_ = self.some(self.plan.addresses)
        old = self.plan.addresses[id_]
        space, place, managed_by, entity = self.random_address()
        given = old
        if self.chance(60):
            given = replace(given, address=place)
        if self.chance(40):
            given = replace(given, managed_by=managed_by, managed_by_entity=entity)
        if self.chance(20):
            given = replace(given, state=self.value(10, 50), device_type=self.value(7, 50), building=self.building())
        type_ = old.type
        if self.chance(15):
            given, type_ = replace(given, space=space), None
            range_id = self.plan.range_of(given)
            given = replace(given, type=self.plan.ranges[range_id].type if range_id else self.natural_type(space))
        return Operation(
            "update_address", *update("ip_address", id_, [
                ("address_space_id", old.space, given.space), ("address", old.address, given.address), ("managed_by", old.managed_by, given.managed_by),
                ("managed_by_entity", old.managed_by_entity, given.managed_by_entity), ("state", old.state, given.state),
                ("device_type", old.device_type, given.device_type), ("custom_fields", Json.of(old), Json.of(given)),
                ("virtualization_type", old.type, type_)]),
            self.plan.wrong_address(given, id_), lambda id: self.plan.addresses.__setitem__(id_, given))

    def delete_address(self):
        id_ = self.some(self.plan.addresses)
        return Operation("delete_address", "DELETE FROM ipam.ip_address WHERE id = %s RETURNING id", (id_,), set(), lambda id: self.plan.addresses.pop(id_))

    def insert_many(self):
        """Several rows in one statement, up to the first one that is wrong."""
        kind = self.random.choice(["block", "subnet", "subnet", "range", "address"])
        rows = getattr(self.plan, TABLES[kind])
        if len(rows) >= LIMITS[TABLES[kind]]:
            return None
        before, made = dict(rows), []
        for number in range(self.random.randint(2, 5)):
            made.append(getattr(self, "insert_" + kind)())
            if made[-1].wrong:
                break
            made[-1].apply(-1 - number)  # the next one meets it
        rows.clear()
        rows.update(before)
        head, row, tail = re.fullmatch(r"(.* VALUES )(\(.*\))( RETURNING id)", made[0].statement).groups()

        def apply(*ids):
            for id_, one in zip(ids, made):
                one.apply(id_)

        return Operation(f"insert_many_{kind}", head + ", ".join([row] * len(made)) + tail, tuple(v for m in made for v in m.values), made[-1].wrong, apply)

    def delete_many(self):
        kind = self.random.choice(["block", "subnet", "range", "address"])
        rows = getattr(self.plan, TABLES[kind])
        ids = self.random.sample(sorted(rows), min(len(rows), self.random.randint(2, 5)))
        wrong = set()
        if kind == "subnet" and any(self.plan.subnet_of(r) in ids for r in self.plan.ranges.values()):
            wrong.add("IpamApiRangesDependentOnSubnet")
        return Operation(f"delete_many_{kind}", f"DELETE FROM ipam.ip_{kind} WHERE id = ANY (%s) RETURNING id", (ids,), wrong,
                         lambda *deleted: [rows.pop(i) for i in deleted])

    def insert_value(self):
        field = self.random.choice(list(POOLS))
        value = self.random.choice(POOLS[field])

        def apply(id):
            self.plan.values[field][value] = False
            self.plan.value_ids[field, value] = id

        return Operation(
            "insert_value", "INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT id, %s FROM ipam.custom_field WHERE "
            + ("name" if field == BUILDING else "id") + " = %s RETURNING id", (value, field),
            {"custom_field_value_key"} if value in self.plan.values[field] else set(), apply)

    def some_value(self):
        field = self.random.choice(list(POOLS))
        value = self.some([v for v, is_built_in in self.plan.values[field].items() if not is_built_in or self.chance(3)])
        return field, value

    def rename_value(self):
        field, value = self.some_value()
        if value is None:
            return None
        new = self.random.choice(POOLS[field])
        wrong = self.plan.wrong_value_rename(field, value, new)
        return Operation(
            "rename_value", "UPDATE ipam.custom_field_value SET value = %s WHERE id = %s RETURNING id", (new, self.plan.value_ids[field, value]),
            wrong, lambda id: self.plan.rename_value(field, value, new))

    def delete_value(self):
        field, value = self.some_value()
        if value is None:
            return None
        return Operation(
            "delete_value", "DELETE FROM ipam.custom_field_value WHERE id = %s RETURNING id", (self.plan.value_ids[field, value],),
            self.plan.wrong_value_delete(field, value), lambda id: self.plan.rename_value(field, value, None))


def update(table, id_, columns):
    """Names only what changes: triggers look at the columns that a statement names."""
    changed = [(name, new) for name, old, new in columns if new != old] or [(columns[0][0], columns[0][1])]
    return (f"UPDATE ipam.{table} SET {', '.join(name + ' = %s' for name, _ in changed)} WHERE id = %s RETURNING id",
            tuple(new for _, new in changed) + (id_,))


def multirange(span):
    return "{}" if span is None else f"{{[{span.first},{span.last}]}}"


class Json:
    @staticmethod
    def of(row):
        return "{}" if row.building is None else f'{{"{BUILDING}": "{row.building}"}}'
