"""Random material that operations are made of: addresses and networks of a small universe, values of fields, rows of the plan.

A mixin of operations.Generator.
"""
import ipaddress

from plan import BUILDING

CORNERS = [(ipaddress.ip_network(n), weight) for n, weight in (
    ("10.0.0.0/26", 12), ("10.0.1.0/27", 3), ("198.51.100.0/28", 2), ("2001:db8::/122", 8), ("fd00::/124", 2),
    ("169.254.1.0/28", 0.3), ("fe80::/124", 0.2), ("127.0.0.0/29", 0.2))]
POOLS = {7: ["Camera", "Phone", "Sensor"], 8: ["Kea", "Infoblox"], 9: ["a", "b", "c"], 10: ["Lost", "Planned"], BUILDING: ["HQ", "Annex", "Lab"]}
UNKNOWN = 9999


class Material:
    def chance(self, percent):
        return self.random.random() * 100 < percent

    def corner(self):
        return self.random.choices([n for n, _ in CORNERS], [w for _, w in CORNERS])[0]

    def address(self, corner=None):
        corner = corner or self.corner()
        return corner[self.random.randrange(corner.num_addresses)]

    def network(self, address=None):
        address = address or self.address()
        low, high = (17, 30) if address.version == 4 else (110, 127)
        if self.chance(2):
            low, high = (31, 32) if address.version == 4 else (128, 128)
        return ipaddress.ip_network((address, self.random.randint(low, high)), strict=False)

    def some(self, rows):
        return self.random.choice(sorted(rows)) if rows else None

    def space(self):
        return UNKNOWN if self.chance(1) else self.random.choice([1, 1, self.some(self.plan.spaces)])

    def value(self, field, share):
        """A built-in value mostly, else one that may be there or not."""
        built_in = [v for v, is_built_in in self.plan.values[field].items() if is_built_in]
        if built_in and self.chance(share):
            return self.random.choice(sorted(built_in))
        own = sorted(v for v, is_built_in in self.plan.values[field].items() if not is_built_in)
        return self.random.choice(own) if own and self.chance(90) else self.random.choice(POOLS[field])

    def service(self):
        managed_by = self.random.choices(["IPAM", "MS DHCP", "Others", self.value(8, 0)], [10, 6, 2, 2])[0]
        return managed_by, "Localhost" if self.chance(60) else self.value(9, 0)

    def building(self):
        return self.value(BUILDING, 0) if self.chance(15) else None

    def type(self):
        return self.random.choice(["NonVirtualized", "Fabric", "Virtual"]) if self.chance(6) else None

    def natural_type(self, space):
        return self.plan.natural_type(space) if space in self.plan.spaces else "NonVirtualized"
