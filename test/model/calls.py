"""Random calls of the functions that change the plan: allocate and release, move, delete with what hangs on it.

A mixin of operations.Generator, apart from it because these are not statements on a table.
"""
from dataclasses import replace

from network import Span, is_host
from operation import Operation
from plan import Address


class Calls:
    def target(self):
        """A range to put addresses into: mostly one where that is possible."""
        static = [i for i, r in self.plan.ranges.items() if r.managed_by != "MS DHCP"]
        return self.some(static if static and self.chance(90) else self.plan.ranges)

    def allocate_range(self):
        range_id = self.target()
        given = self.plan.ranges[range_id]
        count, consecutive = self.random.choice([0, 1, 1, 1, 2, 3, 6]), self.chance(25)
        direction = "Highest" if self.chance(30) else "Lowest"
        free = self.plan.free(range_id)
        if direction == "Highest":
            free.reverse()
        taken = free[:count]
        if consecutive:
            runs = [free[i:i + count] for i in range(len(free) - count + 1)]
            taken = next((r for r in runs if count == 0 or abs(int(r[-1]) - int(r[0])) == count - 1), [])
        wrong = set()
        if given.managed_by == "MS DHCP":
            wrong.add("IpamApiRangeIsManagedByMsDhcp")
        if len(taken) < count:
            wrong.add("IpamApiFindFreeIPAddressesFailed")

        def apply(*ids):
            assert len(ids) == count, f"asked for {count} addresses, got {len(ids)}"
            for id_, address in zip(ids, taken):
                self.plan.addresses[id_] = Address(given.space, address, given.managed_by, given.managed_by_entity, "In-Use", "Host", given.type)

        return Operation("allocate_range", "SELECT id FROM ipam.allocate_ip_addresses(%s, %s, direction => %s, consecutive => %s)",
                         (range_id, count, direction, consecutive), wrong, apply)

    def release_address(self):
        ids = self.some_addresses()
        mapped = {self.plan.range_of(self.plan.addresses[i]) for i in ids}
        arguments, values = "address_ids => %s", (ids,)
        if len(mapped) == 1 and None not in mapped and self.chance(50):
            arguments, values = "range_id => %s, addresses => %s::inet[]", (mapped.pop(), [str(self.plan.addresses[i].address) for i in ids])
        wrong = set()
        if self.chance(5):
            arguments, values, wrong = "address_ids => %s", (ids + [0],), {"IpamApiObjectNotFoundInDatabase"}

        def apply(*released):
            assert sorted(released) == sorted(ids), f"released {released}, asked for {ids}"
            for i in released:
                self.plan.addresses.pop(i)

        return Operation("release_address", f"SELECT id FROM ipam.release_ip_addresses({arguments})", values, wrong, apply)

    def some_addresses(self):
        addresses = sorted(self.plan.addresses)
        return self.random.sample(addresses, min(len(addresses), self.random.choice([1, 1, 2, 4])))

    def move_addresses(self):
        """To the first free addresses of a range; those that are in it stay."""
        range_id, ids = self.target(), self.some_addresses()
        if range_id is None:
            return None
        moving = [i for i in ids if self.plan.range_of(self.plan.addresses[i]) != range_id]
        free = self.plan.free(range_id)[:len(moving)]
        wrong = set()
        if moving and self.plan.ranges[range_id].managed_by == "MS DHCP":
            wrong.add("IpamApiRangeIsManagedByMsDhcp")
        if len(free) < len(moving):
            wrong.add("IpamApiFindFreeIPAddressesFailed")

        def apply(*moved):
            assert list(moved) == ids, f"told of {moved}, asked for {ids}"
            for i, address in zip(moving, free):
                self.plan.addresses[i] = self.moved(i, range_id, address)

        return Operation("move_addresses", "SELECT address_id FROM ipam.move_ip_addresses(%s, %s)", (ids, range_id), wrong, apply)

    def move_address(self):
        """To an address that the caller names."""
        range_id, id_ = self.some(self.plan.ranges), self.some(self.plan.addresses)
        if range_id is None:
            return None
        given = self.plan.ranges[range_id]
        place = given.first + self.random.randrange(int(given.last) - int(given.first) + 1) if self.chance(90) else self.address()
        moved = self.moved(id_, range_id, place)
        wrong = self.plan.wrong_address(moved, id_)
        if not given.span.holds(Span(place, place)) or is_host(place) and self.plan.range_of(moved) != range_id:
            wrong.add("IpamApiIpAddressOutOfRange")
        return Operation("move_address", "SELECT ipam.move_ip_address(%s, %s, %s)", (id_, range_id, place), wrong,
                         lambda address: self.plan.addresses.__setitem__(id_, moved))

    def moved(self, address_id, range_id, place):
        given = self.plan.ranges[range_id]
        return replace(self.plan.addresses[address_id], space=given.space, address=place, managed_by=given.managed_by,
                       managed_by_entity=given.managed_by_entity, type=given.type)

    def drop_block(self):
        """delete_block(), which may take the blocks inside along."""
        id_, with_children = self.some(self.plan.blocks), self.chance(50)
        doomed = {id_}
        while with_children:
            more = {b for b in self.plan.blocks if b not in doomed and self.plan.parent_block(b) in doomed}
            if not more:
                break
            doomed |= more

        def apply(deleted):
            assert deleted == len(doomed), f"says that it has deleted {deleted} blocks, not {len(doomed)}"
            for i in doomed:
                self.plan.blocks.pop(i)

        return Operation("drop_block", "SELECT deleted_blocks FROM ipam.delete_block(%s, %s)", (id_, with_children), set(), apply)

    def drop_range(self):
        """delete_range(), which may take the addresses along."""
        id_, with_addresses = self.some(self.plan.ranges), self.chance(50)
        return Operation("drop_range", "SELECT deleted_addresses FROM ipam.delete_range(%s, %s)", (id_, with_addresses), set(),
                         lambda deleted: self.remove_ranges([id_], with_addresses, deleted))

    def drop_subnet(self):
        """delete_subnet(), which may take the ranges and their addresses along."""
        id_, with_ranges, with_addresses = self.some(self.plan.subnets), self.chance(60), self.chance(50)
        ranges = self.plan.ranges_of(id_)
        wrong = set()
        if ranges and not with_ranges:
            wrong.add("IpamApiRangesDependentOnSubnet")
        elif any(self.plan.ranges[i].managed_by == "MS DHCP" for i in ranges):
            wrong.add("IpamApiMsDhcpRangesDependentOnSubnet")

        def apply(deleted):
            self.remove_ranges(ranges, with_addresses, deleted)
            self.plan.subnets.pop(id_)

        return Operation("drop_subnet", "SELECT deleted_addresses FROM ipam.delete_subnet(%s, %s, %s)", (id_, with_ranges, with_addresses),
                         wrong, apply)

    def remove_ranges(self, ranges, with_addresses, deleted):
        doomed = [i for i, a in self.plan.addresses.items() if with_addresses and self.plan.range_of(a) in ranges]
        assert deleted == len(doomed), f"says that it has deleted {deleted} addresses, not {len(doomed)}"
        for i in doomed:
            self.plan.addresses.pop(i)
        for i in ranges:
            self.plan.ranges.pop(i)
