"""Spans of addresses, and what addresses are good for."""
import ipaddress
from dataclasses import dataclass

UNUSABLE = [ipaddress.ip_network(n) for n in (
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
    "::/128", "::1/128", "fe80::/10", "fec0::/10", "ff00::/8")]
PRIVATE = [ipaddress.ip_network(n) for n in (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")]
NO_HOST = [ipaddress.ip_network(n) for n in (
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "255.255.255.255/32", "::/128", "::1/128", "fe80::/10", "fec0::/10", "ff00::/8")]


@dataclass(frozen=True)
class Span:
    first: object
    last: object

    def holds(self, other):
        return self.first.version == other.first.version and self.first <= other.first and other.last <= self.last

    def meets(self, other):
        return self.first.version == other.first.version and self.first <= other.last and other.first <= self.last


def span_of(network):
    return Span(network.network_address, network.broadcast_address)


def category(span):
    """Public, Private or GlobalIPv6Unicast where all addresses are of that kind, else None."""
    if span.first.version != span.last.version or span.first > span.last:
        return None
    around = [n for n in UNUSABLE if span_of(n).meets(span)]
    private = [n for n in PRIVATE if span_of(n).meets(span)]
    if around:
        return None
    if any(span_of(n).holds(span) for n in private):
        return "Private"
    if private:
        return None
    return "Public" if span.first.version == 4 else "GlobalIPv6Unicast"


def is_host(address):
    return not any(address.version == n.version and address in n for n in NO_HOST)


def is_in(address, network):
    return address.version == network.version and address in network


def has_possible_length(network):
    return 1 <= network.prefixlen <= (30 if network.version == 4 else 127)
