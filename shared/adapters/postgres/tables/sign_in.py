"""Tables of this machine's own issuer."""

from sqlalchemy import Column, Index, String, UniqueConstraint

from shared.adapters.postgres.column_types import Choice, Id, Instant
from shared.adapters.postgres.tables.parts import identity, organization, parent, required, table
from shared.domain.access import Role
from shared.domain.sign_in import GrantState

members = table(
    "members",
    organization(),
    identity(),
    required("email", String(255)),
    required("name", String(255)),
    required("role", Choice(Role)),
    required("created_at", Instant),
    required("updated_at", Instant),
    Column("password_hash", String(255)),
    Column("invite_hash", String(64)),
    Column("invite_expires_at", Instant),
    UniqueConstraint("organization_id", "email", name="uq_members_email"),
    Index("ix_members_created", "organization_id", "created_at", "id"),
)

sign_in_grants = table(
    "sign_in_grants",
    organization(),
    identity(),
    required("state", Choice(GrantState)),
    required("client_id", String(255)),
    required("secret_hash", String(64)),
    required("scope", String(255)),
    required("created_at", Instant),
    required("expires_at", Instant),
    Column("member_id", Id),
    Column("user_code", String(16)),
    Column("redirect_uri", String(2000)),
    Column("code_challenge", String(128)),
    Column("nonce", String(255)),
    Column("polled_at", Instant),
    parent("sign_in_grants", "members", "member_id"),
    UniqueConstraint("organization_id", "user_code", name="uq_sign_in_grants_code"),
    Index("ix_sign_in_grants_member", "organization_id", "member_id"),
    Index("ix_sign_in_grants_expires", "expires_at"),
)
