"""Signatures over versions, as JSON."""

from datetime import datetime

from pydantic import BaseModel, Field

from colonnade.gateway.domain import seals as domain


class SealOut(BaseModel):
    version: int
    key: str = Field(description="SHA-256 of the PEM of the public key; empty: the version has no seal.")
    current: bool = Field(description="Made with the key that the registry signs with now.")
    sealed_at: datetime | None
    sealed_by: str

    @classmethod
    def of(cls, seal: domain.Seal) -> "SealOut":
        return cls(
            version=seal.version,
            key=seal.key,
            current=seal.current,
            sealed_at=seal.sealed_at,
            sealed_by=seal.sealed_by,
        )


class SealsOut(BaseModel):
    seals: list[SealOut] = Field(description="Of all versions of the model, newest first.")
    key: str = Field(description="That the registry signs with now.")
    public_key: str = Field(description="PEM.")

    @classmethod
    def of(cls, found: domain.SealList) -> "SealsOut":
        return cls(seals=list(map(SealOut.of, found.seals)), key=found.key, public_key=found.public_key)


class SealDetailOut(BaseModel):
    seal: SealOut
    bundle: str = Field(description="A Sigstore bundle in JSON: what `model_signing` has in `model.sig`.")
    statement: str = Field(description="What `colonnade-seal.json` holds, which is signed with the files.")

    @classmethod
    def of(cls, found: domain.SealDetail) -> "SealDetailOut":
        return cls(seal=SealOut.of(found.seal), bundle=found.bundle, statement=found.statement)
