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
SCREEN = GENERATE
"""What somebody sends, and what a model writes for them, judged on the way."""
SEE_POLICIES = frozenset({Role.ADMIN, Role.OPERATOR, Role.MODEL_ENGINEER, Role.AUDITOR})
"""What is looked for and from which score on: who reads it knows what to step over."""
TRY_POLICIES = SEE_POLICIES - {Role.AUDITOR}
"""Policies that are not in use, on the tests in them and on kept traffic; it takes time of the service."""
ASSIGN_POLICIES = frozenset({Role.ADMIN})
"""What judges everybody's texts, and samples of them."""
TAKE_POLICIES_BACK = ASSIGN_POLICIES | {Role.OPERATOR}
"""Who runs the platform may end what refuses everything."""
SEE_DECISIONS = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR})
"""About whom, and when; never the text."""
ERASE = frozenset({Role.ADMIN, Role.OPERATOR, Role.MODEL_ENGINEER, Role.CALLER})
"""Everybody themselves; whom else admins may erase is decided behind the door."""
SEE_ERASURES = frozenset({Role.ADMIN, Role.AUDITOR})
"""Of their tenant; everybody else sees their own."""
GIVE_FEEDBACK = GENERATE - {Role.SERVICE}
"""On answers that they got. They see their own; those who review it see all of their tenant's."""
REVIEW_FEEDBACK = frozenset({Role.ADMIN, Role.MODEL_ENGINEER})
"""What people wrote, and whether models may learn from it."""
SEE_BIAS = SEE_POLICIES
"""What a model makes of groups of people."""
REPORT_BIAS = frozenset({Role.ADMIN, Role.MODEL_ENGINEER})
"""It keeps engines busy for minutes."""
SEE_REWARDS = REVIEW_FEEDBACK | {Role.AUDITOR}
SEE_ADAPTATIONS = SEE_POLICIES
"""What is made of a model so that it does less harm, and what that came to."""
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
