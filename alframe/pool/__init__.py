"""Which samples exist and what is known of each: ids and positions, states, the label ledger."""

from alframe.pool.fingerprint import fingerprint
from alframe.pool.ledger import Ledger, LedgerEntry
from alframe.pool.pool import UNKNOWN_LABEL, Pool, State, is_set_aside

__all__ = ["UNKNOWN_LABEL", "Ledger", "LedgerEntry", "Pool", "State", "fingerprint", "is_set_aside"]
