"""The few sets of roles that the tables are made of, so that one change of mind is one change."""

from colonnade.security.identity import Role

GENERATE = frozenset({Role.ADMIN, Role.OPERATOR, Role.MODEL_ENGINEER, Role.CALLER, Role.SERVICE})
"""An auditor reads; generating spends what others pay for."""
RUN = frozenset({Role.ADMIN, Role.OPERATOR, Role.SERVICE})
"""Loading and unloading. On a user's first request, inference loads as itself."""
PREPARE = frozenset({Role.ADMIN, Role.OPERATOR, Role.MODEL_ENGINEER, Role.SERVICE})
"""Warming a version up ahead of its requests."""
SERVE = frozenset({Role.SERVICE})
"""Saying that one is there to be sent requests."""
SEE_RUNNING = frozenset({Role.ADMIN, Role.OPERATOR, Role.MODEL_ENGINEER, Role.AUDITOR, Role.SERVICE})
SEE_MODELS = frozenset(Role)
CHANGE_MODELS = frozenset({Role.ADMIN, Role.MODEL_ENGINEER})
"""Importing models and moving aliases: what people do, and sign for."""
TRAIN = frozenset({Role.ADMIN, Role.MODEL_ENGINEER})
"""Runs that make versions take machines for hours: what people ask for, and sign for."""
STOP_TRAINING = TRAIN | {Role.OPERATOR}
"""Who runs the platform may end what is in its way."""
REMEMBER = GENERATE
"""Everybody's own memories and documents, and what their tenant shares with them."""
SHARE_MEMORIES = frozenset({Role.ADMIN, Role.MODEL_ENGINEER})
"""Documents that are found for the whole tenant: what stands in them gets into everybody's prompts."""
UPKEEP = frozenset({Role.ADMIN, Role.OPERATOR})
"""Collecting what nothing names, and backing up: work on the whole registry, whoever's models they are."""
MANAGE_KEYS = frozenset({Role.ADMIN})
SEE_KEYS = frozenset({Role.ADMIN, Role.AUDITOR})
MANAGE_WEBHOOKS = frozenset({Role.ADMIN})
"""They carry what happens here to somewhere else."""
MANAGE_LIMITS = frozenset({Role.ADMIN})
SEE_LIMITS = frozenset({Role.ADMIN, Role.AUDITOR})
SEE_USAGE = frozenset(Role) - {Role.SERVICE}
"""How much of it, is decided behind the door: admins and auditors see their tenant's, others their key's."""
SEE_METRICS = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR})

PEOPLE = frozenset(Role) - {Role.SERVICE}
"""Whom the gateway serves. Services talk to each other, not through the front door."""
