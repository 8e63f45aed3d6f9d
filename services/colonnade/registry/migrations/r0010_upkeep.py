"""Blobs that nothing names."""

revision = "0010"
down_revision = "0009"
branch_labels = depends_on = None


def upgrade() -> None:
    """Filled by the room that this belongs to."""


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
