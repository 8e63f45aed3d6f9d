"""Fair use: what a request may take, what it took, and who may see and set that."""

from colonnade.gateway.service.fair_use.admission import FairUse
from colonnade.gateway.service.fair_use.budgets import Budgets
from colonnade.gateway.service.fair_use.limit_admin import LimitAdmin, Remaining
from colonnade.gateway.service.fair_use.limit_book import LimitBook
from colonnade.gateway.service.fair_use.usage_reports import UsageReports

__all__ = ["Budgets", "FairUse", "LimitAdmin", "LimitBook", "Remaining", "UsageReports"]
