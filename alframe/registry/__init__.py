"""Every version of a model, which one is champion, and how that changed."""

from alframe.registry.base import LocalRegistry, ModelVersion, Registry
from alframe.registry.promotions import Promotion, PromotionLog

__all__ = ["LocalRegistry", "ModelVersion", "Promotion", "PromotionLog", "Registry"]
