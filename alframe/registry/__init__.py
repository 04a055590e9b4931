"""Every version of a model, which one is champion, and how that changed."""

from alframe.registry.aliases import Alias, holders
from alframe.registry.base import STEPS, LocalRegistry, ModelVersion, Registered, Registry
from alframe.registry.mlflow_registry import MlflowRegistry
from alframe.registry.promotions import Promotion, PromotionLog

__all__ = [
    "STEPS",
    "Alias",
    "LocalRegistry",
    "MlflowRegistry",
    "ModelVersion",
    "Promotion",
    "PromotionLog",
    "Registered",
    "Registry",
    "holders",
]
