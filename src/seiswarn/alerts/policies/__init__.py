"""Alert policies by the name they have in the configuration."""

from __future__ import annotations

from seiswarn.alerts.policies.base import Policy
from seiswarn.alerts.policies.threshold import Threshold

POLICIES: dict[str, type[Policy]] = {"threshold": Threshold}
