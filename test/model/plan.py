"""What a plan must be like, told by looking at everything: the model that the tables are compared with.

Nothing here is clever. A parent is found by trying all, an overlap by comparing with all; the plans are small.
A change returns the names of the rules it breaks: the database must refuse it with one of them, or take it
where there are none.
"""
from dataclasses import dataclass, field, replace

from network import Span, category, has_possible_length, is_host, is_in, span_of

COLUMN_FIELDS = {"device_type": 7, "managed_by": 8, "managed_by_entity": 9, "state": 10}
BUILDING = "Building"  # the custom field of the test


@dataclass(frozen=True)
class Space:
    type: str
    provider: int = None


@dataclass(frozen=True)
class Block:
    network: object
    first: object
    last: object
    rir: str = None

    @property
    def span(self):
        return Span(self.first, self.last)


@dataclass(frozen=True)
class Subnet:
    space: int
    network: object
    type: str
    building: str = None

    @property
    def span(self):
        return span_of(self.network)


@dataclass(frozen=True)
class Range:
    space: int
    network: object
    first: object
    last: object
    managed_by: str
    managed_by_entity: str
    type: str
    reserved: Span = None
    excluded: Span = None

    @property
    def span(self):
        return Span(self.first, self.last)

    @property
    def service(self):
        return (self.space, self.managed_by, self.managed_by_entity)

    def counted(self):
        """The addresses that count in an overlap: without the excluded ones, as a list of spans."""
        if self.excluded is None:
            return [self.span]
        pieces = []
        if self.first < self.excluded.first:
            pieces.append(Span(self.first, self.excluded.first - 1))
        if self.excluded.last < self.last:
            pieces.append(Span(self.excluded.last + 1, self.last))
        return pieces


@dataclass(frozen=True)
class Address:
    space: int
    address: object
    managed_by: str
    managed_by_entity: str
    state: str
    device_type: str
    type: str
    building: str = None

    @property
    def service(self):
        return (self.space, self.managed_by, self.managed_by_entity)


@dataclass
class Plan:
    spaces: dict = field(default_factory=lambda: {1: Space("Provider")})
    blocks: dict = field(default_factory=dict)
    subnets: dict = field(default_factory=dict)
    ranges: dict = field(default_factory=dict)
    addresses: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)    # field -> {value: whether it is built in}
    value_ids: dict = field(default_factory=dict)  # (field, value) -> id

    # --- what the database works out ---------------------------------------------------------------------

    def blocks_around(self, span, length, except_id=None):
        """The ids of the blocks around, the smallest first."""
        found = [(i, b) for i, b in self.blocks.items()
                 if i != except_id and b.span.holds(span) and b.network.prefixlen <= length]
        found.sort(key=lambda f: (-int(f[1].first), int(f[1].last), -f[1].network.prefixlen))
        return [i for i, _ in found]

    def parent_block(self, block_id):
        block = self.blocks[block_id]
        return next(iter(self.blocks_around(block.span, block.network.prefixlen, block_id)), None)

    def block_of(self, subnet):
        return next(iter(self.blocks_around(subnet.span, subnet.network.prefixlen)), None) if subnet.space == 1 else None

    def subnet_around(self, space, span, length=128):
        found = [(s.network.prefixlen, i) for i, s in self.subnets.items()
                 if s.space == space and s.network.prefixlen <= length and s.span.holds(span)]
        return max(found)[1] if found else None

    def subnet_of(self, given):
        return self.subnet_around(given.space, given.span, given.network.prefixlen)

    def range_of(self, address):
        place = Span(address.address, address.address)
        found = [(int(r.first), -int(r.last), i) for i, r in self.ranges.items() if r.service == address.service and r.span.holds(place)]
        return max(found)[2] if found else None

    def natural_type(self, space):
        return "NonVirtualized" if space == 1 else "Virtual" if self.spaces[space].type == "Customer" else "Fabric"

    def fits(self, type_, space):
        return type_ == self.natural_type(space) or (type_ == "Fabric" and self.spaces[space].type == "Provider")

    def ranges_of(self, subnet_id):
        return [i for i, r in self.ranges.items() if self.subnet_of(r) == subnet_id]

    def carried_addresses(self, range_id, moved):
        """The addresses that a range takes along to another space: which still lie in it and have its service."""
        return [i for i, a in self.addresses.items() if self.range_of(a) == range_id and moved.span.holds(Span(a.address, a.address))
                and (a.managed_by, a.managed_by_entity) == (moved.managed_by, moved.managed_by_entity)]

    def free(self, range_id, count=None):
        given = self.ranges[range_id]
        if given.managed_by == "MS DHCP":
            return []
        taken = {a.address for a in self.addresses.values() if self.range_of(a) == range_id}
        found, address = [], given.first
        while address <= given.last and len(found) != count:
            if address not in taken and not (given.reserved and given.reserved.holds(Span(address, address))):
                found.append(address)
            if address == given.last:
                break
            address += 1
        return found

    def overlapping_subnets(self, subnet_id, subnet=None):
        subnet = subnet or self.subnets[subnet_id]
        return {i for i, s in self.subnets.items() if i != subnet_id and s.space == subnet.space and s.span.meets(subnet.span)}

    def overlapping_ranges(self, range_id, given=None):
        given = given or self.ranges[range_id]
        return {i for i, r in self.ranges.items() if i != range_id and r.space == given.space
                and any(p.meets(q) for p in r.counted() for q in given.counted())}

    # --- rules -------------------------------------------------------------------------------------------

    def wrong_values(self, **columns):
        return {"IpamApiCustomFieldValueForMultiValueCustomFieldDoesntExist" for name, value in columns.items()
                if value is not None and value not in self.values[COLUMN_FIELDS.get(name, name)]}

    def wrong_building(self, building):
        return self.wrong_values(**{BUILDING: building})

    def wrong_type(self, given):
        if given.space not in self.spaces:
            return {"IpamApiInvalidAddressSpace"}
        return set() if self.fits(given.type, given.space) else {"IpamApiInvalidVirtualizationType"}

    def wrong_block(self, block, block_id=None):
        wrong = set()
        if not has_possible_length(block.network):
            wrong.add("IpamApiInvalidPrefixLength")
        if not is_in(block.first, block.network):
            wrong.add("IpamApiInvalidStartIPAddress")
        if not is_in(block.last, block.network):
            wrong.add("IpamApiEndIpAddressOutOfRange")
        if block.first.version != block.last.version:
            return wrong
        if block.first > block.last:
            return wrong | {"IpamApiStartIPGreaterThanEndIP"}
        kind = category(block.span)
        if kind is None:
            wrong.add("IpamApiInvalidAddressRange")
        elif kind == "Public" and block.rir is None:
            wrong.add("IpamApiRIRNotSpecifiedForAPublicIPv4Block")
        elif kind == "Private" and block.rir is not None:
            wrong.add("IpamApiRIRSpecifiedForAPrivateIPv4Block")
        others = {i: b for i, b in self.blocks.items() if i != block_id}
        around = inside = ()
        for other in others.values():
            if not other.span.meets(block.span):
                continue
            is_around = other.span.holds(block.span) and other.network.prefixlen <= block.network.prefixlen
            is_inside = block.span.holds(other.span) and block.network.prefixlen <= other.network.prefixlen
            if is_around == is_inside:  # neither, or both: the same again
                wrong.add("IpamApiConflictingIPBlocksExist")
            elif is_around:
                around += (other,)
            else:
                inside += (other,)
        chain = max((sum(1 for o in inside if o.span.holds(i.span) and o.network.prefixlen <= i.network.prefixlen) for i in inside), default=0)
        if len(around) + chain >= 9:
            wrong.add("IpamApiMaxChildrenReached")
        return wrong

    def wrong_subnet(self, subnet, subnet_id=None):
        wrong = self.wrong_type(subnet) | self.wrong_building(subnet.building)
        if not has_possible_length(subnet.network):
            wrong.add("IpamApiInvalidPrefixLength")
        if category(subnet.span) is None:
            wrong.add("IpamApiInvalidAddressRange")
        if any(i != subnet_id and (s.space, s.network) == (subnet.space, subnet.network) for i, s in self.subnets.items()):
            wrong.add("ip_subnet_network_key")
        old = self.subnets.get(subnet_id)
        carried = self.ranges_of(subnet_id) if old else ()
        if old and old.network != subnet.network and carried:
            wrong.add("IpamApiRangesDependentOnSubnet")
        if old and old.space != subnet.space:
            for i in carried:
                moved = replace(self.ranges[i], space=subnet.space, type=subnet.type)
                if moved.managed_by != "MS DHCP" and any(r.service == moved.service and r.span.meets(moved.span) for r in self.ranges.values()):
                    wrong.add("IpamApiNonadjustableConflictingRangesFound")
                wrong |= self.wrong_carrying(i, moved)
        if old and (old.type == "Virtual") != (subnet.type == "Virtual"):
            wrong.add("IpamApiInvalidVirtualizationTypeUpdationForSubnet")
        return wrong

    def wrong_range(self, given, range_id=None):
        wrong = self.wrong_values(managed_by=given.managed_by, managed_by_entity=given.managed_by_entity)
        wrong |= self.wrong_type(given)
        old = self.ranges.get(range_id)
        if old and old.space != given.space and given.first.version == given.last.version:
            wrong |= self.wrong_carrying(range_id, given)
        if old and old.managed_by != given.managed_by and "MS DHCP" in (old.managed_by, given.managed_by):
            wrong.add("IpamApiCannotUpdateManagedByValueForMsDhcpRange")
        elif old and old.managed_by == "MS DHCP" and old.managed_by_entity != given.managed_by_entity:
            wrong.add("IpamApiCannotUpdateDifferentServerManagedByEntityValueForMsDhcpRange")
        if old and (old.type == "Virtual") != (given.type == "Virtual"):
            wrong.add("IpamApiInvalidVirtualizationTypeUpdation")
        if given.first.version != given.last.version:
            return wrong | {"IpamApiInvalidIPAddressFamily"}
        if given.first > given.last:
            wrong.add("IpamApiStartIPGreaterThanEndIP")
        elif category(given.span) is None:
            wrong.add("IpamApiInvalidAddressRange")
        length = given.network.prefixlen if given.network else 128
        subnet = self.subnet_around(given.space, given.span, length)
        if subnet is None:
            wrong.add("IpamApiSubnetDoesNotExistForRange")
        network = given.network or (self.subnets[subnet].network if subnet else None)
        if network is not None:
            if network.version != given.first.version:
                wrong.add("IpamApiInvalidIPAddressFamily")
            if not has_possible_length(network):
                wrong.add("IpamApiInvalidPrefixLength")
            if not is_in(given.first, network):
                wrong.add("IpamApiInvalidStartIPAddress")
            if not is_in(given.last, network):
                wrong.add("IpamApiEndIpAddressOutOfRange")
            if given.first.version == 4 and given.first == network.network_address:
                wrong.add("IpamApiInvalidStartIPWithAllZeroes")
            if given.last.version == 4 and given.last == network.broadcast_address:
                wrong.add("IpamApiInvalidEndIPHostIdAllOnes")
        if given.managed_by != "MS DHCP" and any(
                i != range_id and r.service == given.service and r.span.meets(given.span) for i, r in self.ranges.items()):
            wrong.add("IpamApiNonadjustableConflictingRangesFound")
        if given.reserved and not given.span.holds(given.reserved):
            wrong.add("IpamApiReservedIPNotInRange")
        if given.excluded and not given.span.holds(given.excluded):
            wrong.add("IpamApiInvalidExclusionRanges")
        if given.excluded and given.managed_by != "MS DHCP":
            wrong.add("IpamApiDhcpDataSpecifiedForStaticRange")
        return wrong

    def wrong_carrying(self, range_id, moved):
        there = {a.address for a in self.addresses.values() if a.service == moved.service}
        taken = any(self.addresses[i].address in there for i in self.carried_addresses(range_id, moved))
        return {"IpamApiInvalidIPAddressConflict"} if taken else set()

    def wrong_address(self, address, address_id=None):
        wrong = self.wrong_values(managed_by=address.managed_by, managed_by_entity=address.managed_by_entity,
                                  state=address.state, device_type=address.device_type)
        wrong |= self.wrong_type(address) | self.wrong_building(address.building)
        if not is_host(address.address):
            wrong.add("IpamApiInvalidIPAddress")
        if any(i != address_id and a.address == address.address and a.service == address.service for i, a in self.addresses.items()):
            wrong.add("ip_address_identity_key")
        return wrong

    def wrong_value_delete(self, field_, value):
        used = {7: [a.device_type for a in self.addresses.values()],
                8: [x.managed_by for t in (self.ranges, self.addresses) for x in t.values()],
                9: [x.managed_by_entity for t in (self.ranges, self.addresses) for x in t.values()],
                10: [a.state for a in self.addresses.values()]}
        if self.values[field_][value]:
            return {"IpamApiCannotUpdateOrDeleteBuiltInValues"}
        return {"IpamDeleteFailedDueToReferences"} if value in used.get(field_, ()) else set()

    def wrong_value_rename(self, field_, value, new):
        if self.values[field_][value]:
            return {"IpamApiCannotUpdateOrDeleteBuiltInValues"}
        return {"custom_field_value_key"} if new != value and new in self.values[field_] else set()

    def wrong_space_delete(self, space):
        gone = {space} | {i for i, s in self.spaces.items() if s.provider == space}
        if space == 1:
            return {"IpamApiDefaultProviderAddressSpaceCannotBeDeleted"}
        used = any(x.space in gone for t in (self.subnets, self.ranges, self.addresses) for x in t.values())
        return {"IpamDeleteFailedDueToReferences"} if used else set()

    # --- changes that are more than one row --------------------------------------------------------------

    def update_subnet(self, subnet_id, subnet):
        if self.subnets[subnet_id].space != subnet.space:
            for i in self.ranges_of(subnet_id):
                self.update_range(i, replace(self.ranges[i], space=subnet.space, type=subnet.type))
        self.subnets[subnet_id] = subnet

    def update_range(self, range_id, given):
        if self.ranges[range_id].space != given.space:
            for i in self.carried_addresses(range_id, given):
                self.addresses[i] = replace(self.addresses[i], space=given.space, type=given.type)
        self.ranges[range_id] = given

    def delete_space(self, space):
        self.spaces = {i: s for i, s in self.spaces.items() if i != space and s.provider != space}

    def rename_value(self, field_, value, new):
        """Objects follow; None instead of a new value takes it away from them."""
        kinds = self.values[field_]
        kinds.pop(value)
        value_id = self.value_ids.pop((field_, value))
        if new is not None:
            kinds[new] = False
            self.value_ids[field_, new] = value_id
        column = {number: name for name, number in COLUMN_FIELDS.items()}.get(field_, "building")
        for rows in (self.subnets, self.ranges, self.addresses):
            for i, row in rows.items():
                if getattr(row, column, None) == value:
                    rows[i] = replace(row, **{column: new})
