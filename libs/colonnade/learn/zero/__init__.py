"""DeepSpeed's configuration, mapped to what a recipe says and FSDP2 does. DeepSpeed itself is not used."""

from colonnade.learn.zero.mapping import Mapped, read_zero

__all__ = ["Mapped", "read_zero"]
