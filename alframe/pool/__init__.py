"""Which samples exist and what is known of each: ids and positions, states, the label ledger."""

from alframe.pool.fingerprint import fingerprint
from alframe.pool.ledger import Ledger, LedgerEntry
from alframe.pool.pool import Pool, State

__all__ = ["Ledger", "LedgerEntry", "Pool", "State", "fingerprint"]
