"""Hostile values of every type, as SQL expressions: at the edges, past them, of the wrong shape or huge.

A text that gets into a statement unquoted calls witness() or ends in a syntax error; attack.py looks for both.
"""

WITNESS = "HX001"  # the SQLSTATE that witness() raises
TRACE = "HX002"  # the one of refuse_trace()

TEXTS = [
    "''", "' '", "'x'", "'10.0.0.0/24'", "'ip_address'", "'IPAM'", "'Localhost'", "'1'", "'-1'", "'1e400'", "'NaN'", "'true'", "'[]'", "'{}'", "'null'",
    "'%'", "'%s %I %L %'", "'_'", "$$'$$", "$$''; SELECT public.witness(); --$$", "$$'||public.witness()||'$$", "$$x' OR public.witness() IS NULL OR 'x'='$$",
    "$$\"$$", "$$\"; SELECT public.witness(); --$$", "$$id) FROM public.witness() --$$", "$$(SELECT public.witness())$$", "$$public.witness()$$", "$$\\$$", "$$\\'; SELECT public.witness(); --$$",
    "E'a\\nb'", "E'\\r\\n'", "E'\\t'", "E'\\x01\\x1f\\x7f'", "E'\\u00e5\\u4e2d\\U0001f600'", "E'\\ufeff'", "E'\\u202e'", "E'e\\u0301'", "'$1'", "'$$'", "':x'", "';'", "'--'",
    "'/*'", "'pg_catalog'", "'public'", "'information_schema'", "'no such thing'", "'NULL'", "'ipam.ip_range'", "repeat('x', 63)", "repeat('x', 64)", "repeat('\"', 100)",
    "repeat('''', 100)", "repeat('a,', 10000)", "repeat('x', 1000000)", "repeat('[', 100000)", "repeat(E'\\U0001f600', 250000)"]
ENORMOUS = "repeat('x', 67108864)"

BIGINTS = ["0", "-1", "-2147483648", "-2147483649", "2147483647", "2147483648", "9223372036854775807", "'-9223372036854775808'", "4294967296", "99999"]
INTEGERS = ["0", "-1", "1", "2", "4", "6", "31", "32", "33", "64", "127", "128", "129", "1000", "65536", "2147483647", "'-2147483648'"]
NUMERICS = ["0", "-1", "0.5", "1", "256", "-0.000001", "1e-300", "1e300", "'NaN'", "'Infinity'", "'-Infinity'", "2::numeric ^ 64", "2::numeric ^ 128", "2::numeric ^ 128 + 1",
            "9223372036854775808", "10::numeric ^ 1000"]
ADDRESSES = ["0.0.0.0", "255.255.255.255", "0.0.0.0/0", "::", "::/0", "::1", "10.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/24", "10.255.255.255", "127.0.0.1", "224.0.0.1", "128.0.0.0/1",
             "10.0.0.1/31", "10.0.0.1/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff::/16", "2001:db8::", "2001:db8::1/64", "2001:db8::/127", "fe80::1", "::ffff:10.0.0.1",
             "8000::/1", "fd00:1::5", "fd00:1::/64"]
NETWORKS = ["0.0.0.0/0", "::/0", "0.0.0.0/32", "255.255.255.255/32", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/31", "10.0.0.1/32", "128.0.0.0/1", "224.0.0.0/4", "2001:db8::/32",
            "2001:db8::/127", "2001:db8::1/128", "8000::/1", "fd00:1::/64", "fe80::/10"]
RANGES = ["empty", "[10.0.0.1,10.0.0.9]", "(10.0.0.1,10.0.0.2)", "[0.0.0.0,255.255.255.255]", "[::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", "[255.255.255.255,255.255.255.255]",
          "[fd00:1::,fd00:1::ffff]", "(0.0.0.0,0.0.0.1]", "[10.0.0.1,10.0.0.1]"]
BROKEN_RANGES = ["(,)", "[10.0.0.1,)", "(,10.0.0.1]", "[10.0.0.1,::1]", "[10.0.0.0/8,10.0.0.9]", "[10.0.0.9,10.0.0.1]", "(255.255.255.255,)", "(ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,)",
                 "[0.0.0.0,::]", "x", "", "[,"]
TIMES = ["-infinity", "infinity", "epoch", "4713-01-01 00:00 BC", "294276-12-31 23:59:59.999999+00", "2024-02-29 12:00+14", "now"]
INTERVALS = ["0", "-1 day", "178000000 years", "-178000000 years", "2147483647 months", "2147483647 days", "1 microsecond", "2562047788 hours", "1 mon -30 days"]
JSON = ["'null'", "'true'", "'0'", "'1e1000'", "'\"x\"'", "'[]'", "'{}'", "'[[]]'", "'[null]'", "'[{}]'", "'[1, \"x\", null, {}]'", "'{\"id\": null}'", "'[{\"id\": 1}]'", "'[{\"id\": \"x\"}]'",
        "'[{\"id\": 1e400}]'", "'[{\"id\": 1.5}]'", "'[{\"id\": 1, \"notes\": {}}]'", "'[{\"id\": 1, \"no such column\": 1}]'", "'[{\"id\": 1, \"network\": \"x\"}]'", "'[{\"id\": [1]}]'",
        "'[{\"id\": 1, \"id\\\" = public.witness() --\": 1}]'", "'[{\"id\": 1, \"description\": \"x'' || public.witness() || ''\"}]'", "'[{\"network\": \"10.9.0.0/24\", \"name\": \"x\"}]'",
        "'{\"\": \"\"}'", "'{\"Floor\": null}'", "'{\"Floor\": 1}'", "'{\"Floor\": [\"x\"]}'", "'{\"Floor\": {\"Floor\": \"1\"}}'", "'{\"x'' || public.witness() || ''\": \"y\"}'",
        "'{\"IpamSecurityGroupIpamUsers\": \"\\\"; SELECT public.witness(); --\"}'", "'{\"serial_number\": {}, \"iaid\": \"x\"}'", "'{\"iaid\": 1e30}'", "'{\"duid\": \"\\\\xzz\"}'",
        "'{\"address_assignment\": \"x\"}'", "'\"\\u00e5\\ud83d\\ude00\"'", "(repeat('[', 5000) || repeat(']', 5000))::jsonb", "(repeat('{\"a\":', 5000) || '1' || repeat('}', 5000))::jsonb",
        "(SELECT jsonb_agg(n) FROM generate_series(1, 20000) AS n)", "(SELECT jsonb_agg(jsonb_build_object('id', n, 'description', 'x')) FROM generate_series(1, 3000) AS n)",
        "(SELECT jsonb_object_agg('k' || n, n) FROM generate_series(1, 20000) AS n)", "jsonb_build_object(repeat('k', 1000000), 1)", "to_jsonb(repeat('x', 1000000))"]

SCALARS = {
    "text": TEXTS, "bigint": BIGINTS, "integer": INTEGERS, "numeric": NUMERICS, "jsonb": JSON, "boolean": ["true", "false"],
    "name": [t for t in TEXTS if "1000000" not in t],
    "inet": [f"'{a}'" for a in ADDRESSES], "cidr": [f"'{n}'" for n in NETWORKS],
    "ipam.inetrange": [f"'{r}'" for r in RANGES + BROKEN_RANGES],
    "ipam.inetmultirange": ["'{}'"] + [f"'{{{r}}}'" for r in RANGES + BROKEN_RANGES if r != "empty"]
    + ["'{[10.0.0.1,10.0.0.9],[10.0.0.10,10.0.0.20],[::,::9]}'", "'{[10.0.0.1,10.0.0.9],[10.0.0.5,10.0.0.20]}'",
       "(SELECT ipam.inetmultirange(array_agg(ipam.inetrange('10.0.0.0'::inet + 2 * n, '10.0.0.0'::inet + 2 * n))) FROM generate_series(1, 5000) AS n)"],
    "timestamp with time zone": [f"'{t}'" for t in TIMES], "date": [f"'{d}'" for d in ("-infinity", "infinity", "4713-01-01 BC", "5874897-12-31", "2024-02-29")],
    "interval": [f"'{i}'" for i in INTERVALS], "macaddr": ["'00:00:00:00:00:00'", "'ff:ff:ff:ff:ff:ff'"], "bytea": ["''", "'\\x00'", "decode(repeat('ff', 1000000), 'hex')"],
    "xid8": ["'0'", "'18446744073709551615'"], "regtype": ["'text'", "'inet[]'", "0", "4294967295", "'ipam.ip_range'", "'trigger'", "'internal'"],
    "refcursor": ["''", "'no such cursor'", "$$\"; SELECT public.witness(); --$$"]}

# What a call needs to get anywhere, where the type alone does not tell; see plan.sql for the objects.
ORDINARY = {
    "bigint": ["1", "2", "3"], "integer": ["1", "3", "24"], "numeric": ["1", "10"], "text": ["'x'", "NULL"], "boolean": ["true", "false"], "inet": ["'10.0.0.7'", "NULL"],
    "cidr": ["'10.0.0.0/24'"], "ipam.inetrange": ["'[10.0.0.1,10.0.0.9]'"], "ipam.inetmultirange": ["'{}'", "'{[10.0.0.1,10.0.0.2]}'"],
    "timestamp with time zone": ["now()", "now() - interval '1 hour'", "NULL"], "interval": ["'1 day'"], "jsonb": ["'{}'", "NULL"], "regtype": ["'text'", "'inet'"], "refcursor": ["'c'"], "date": ["'2024-01-01'"]}
OBJECT_TYPES = ["'address_space'", "'ip_block'", "'ip_subnet'", "'ip_range'", "'ip_address'", "'custom_field'", "'custom_field_value'"]
NAMED = {
    "range_id": ["1", "2", "3", "4", "5"], "to_range_id": ["1", "2", "3"], "subnet_id": ["1", "2", "3"], "ipv4_range_id": ["1", "2"], "ipv6_range_id": ["3"], "address_space_id": ["1", "2"],
    "object_type": OBJECT_TYPES, "table_name": OBJECT_TYPES, "source_schema": ["'netbox'"], "model": ["'ipam.prefix'"], "address_space": ["'Default IP Address Space'", "NULL"],
    "session_id": ["1", "2"], "property": ["'MaximumUtilizationThreshold'"], "managed_by": ["'IPAM'", "'MS DHCP'"], "managed_by_entity": ["'Localhost'"], "fault": ["'IpamApiInvalidParameter'"],
    "columns": ["'{network}'", "'{address}'", "'{network,name}'"], "keys": ["'{id,description}'"], "custom_field_id": ["9", "12", "19"], "logical_group_id": ["1", "2", "3"], "statement": ["'SELECT 1'"],
    "content": ["E'network,name\\n10.7.0.0/24,x\\n'", "'[{\"network\": \"10.7.0.0/24\", \"name\": \"x\"}]'"], "changes": ["'[{\"id\": 1}, {\"id\": 2}]'"], "size": ["8"], "prefix_length": ["26", "28"],
    "count": ["1", "10"], "first_address": ["'10.0.0.1'"], "last_address": ["'10.0.0.9'"], "until": ["now()"], "worked_seconds": ["0.01"], "after": ["'0'", "NULL"], "name": ["'Floor'", "'MaximumUtilizationThreshold'"]}


def array_of(element, values, of_type):
    cast = f"::{of_type}[]"
    few = ", ".join(f"({v})::{of_type}" for v in values[:5])
    return ([f"'{{}}'{cast}", f"'{{NULL}}'{cast}", f"ARRAY[[NULL, NULL], [NULL, NULL]]{cast}", f"ARRAY[{few}, NULL]{cast}", f"ARRAY[[{few}], [{few}]]{cast}", f"array_fill(({values[0]})::{of_type}, '{{2000}}'){cast}",
             f"array_fill(NULL{cast[:-2]}, '{{100000}}'){cast}", f"array_fill(({values[-1]})::{of_type}, '{{2}}', '{{-5}}'){cast}"] + [f"ARRAY[{element.choice(values)}]{cast}" for _ in range(3)])


class Values:
    """The hostile and the ordinary values of a type; the catalogs tell about the types of the extension."""

    def __init__(self, random, connection):
        self.random = random
        self.labels, self.fields, self.domains = {}, {}, {}
        for name, labels in connection.execute("SELECT enumtypid::regtype::text, array_agg(quote_literal(enumlabel) ORDER BY enumsortorder) FROM pg_enum GROUP BY 1"):
            self.labels[name] = labels
        for name, types in connection.execute(
                "SELECT t.oid::regtype::text, array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum) FROM pg_type AS t JOIN pg_attribute AS a ON a.attrelid = t.typrelid"
                " WHERE t.typnamespace = 'ipam'::regnamespace AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1"):
            self.fields[name] = types
        self.names = {name for name, in connection.execute("SELECT oid::regtype::text FROM pg_type WHERE typnamespace = 'ipam'::regnamespace")}

    def hostile(self, type_):
        """All of them; each an expression of the type, some of which fail to become one."""
        if type_ in SCALARS:
            return [f"({v})::{type_}" for v in SCALARS[type_]]
        if type_ in self.labels:
            return [f"({v})::{type_}" for v in self.labels[type_]]
        if type_.endswith("[]"):
            element = type_[:-2]
            return array_of(self.random, [self.ordinary(element)] + self.hostile(element)[:12], element)
        if type_ in self.fields:
            fields = self.fields[type_]
            rows = [f"ROW({', '.join(['NULL'] * len(fields))})::{type_}"]
            for _ in range(6):
                rows.append(f"ROW({', '.join(self.random.choice([self.any(f), self.ordinary(f), 'NULL']) for f in fields)})::{type_}")
            return rows
        return ["NULL"]

    def any(self, type_):
        if type_ in self.fields or type_.endswith("[]"):
            return self.random.choice(["NULL", self.ordinary(type_)])
        return self.random.choice(self.hostile(type_))

    def ordinary(self, type_, name=None):
        if name in NAMED and not type_.endswith("[]") or name in NAMED and NAMED[name][0].startswith("'{"):
            return f"({self.random.choice(NAMED[name])})::{type_}"
        if type_ in ORDINARY:
            return f"({self.random.choice(ORDINARY[type_])})::{type_}"
        if type_ in self.labels:
            return f"{self.random.choice(self.labels[type_])}::{type_}"
        if type_.endswith("[]"):
            return f"ARRAY[{self.ordinary(type_[:-2])}]::{type_}"
        table = type_.removeprefix("ipam.")
        if type_ in self.fields and table in TABLES_OF_ROWS:
            return f"(SELECT t FROM {type_} AS t ORDER BY t LIMIT 1)"
        return "NULL"


TABLES_OF_ROWS = {"ip_block", "ip_subnet", "ip_range", "ip_address", "address_space", "task_run", "async_session", "range_utilization_history"}
