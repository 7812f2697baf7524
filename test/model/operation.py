"""One random operation: what to say to the database, and what the model thinks of it."""
from dataclasses import dataclass
from typing import Callable


@dataclass
class Operation:
    name: str
    statement: str
    values: tuple
    wrong: set                              # acceptable faults; empty: it must succeed
    apply: Callable                         # with the first column of each row that the statement returns
    chosen: Callable = lambda before, now: None  # looks at use_for_utilization: {(table, id): boolean}
