"""Who made a key or set a limit is named with their tenant: admins of the installation do it for others.

Rows from before say whose they are by their own tenant, which is right for all but those admins.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WHO = {"api_keys": "created_by", "limits": "updated_by"}


def upgrade() -> None:
    for name, column in _WHO.items():
        with op.batch_alter_table(name) as altered:
            altered.alter_column(column, type_=sa.String(512), existing_nullable=False)
        table = sa.table(name, sa.column("tenant", sa.String), sa.column(column, sa.String))
        named = table.c.tenant + "/" + table.c[column]
        op.execute(table.update().where(table.c[column] != "").values({column: named}))


def downgrade() -> None:
    raise RuntimeError("the gateway's schema only moves forward here; restore a backup instead")
