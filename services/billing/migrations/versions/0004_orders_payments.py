"""Orders with receipts, payments of every kind, bank statements, refunds, vouchers.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = (
    "refunds",
    "voucher_uses",
    "receipts",
    "payments",
    "checkouts",
    "vouchers",
    "orders",
    "voucher_guesses",
    "voucher_batches",
    "statements",
    "statement_profiles",
    "receipt_series",
    "packages",
    "billing_profiles",
)


def upgrade() -> None:
    """Make the tables; nothing that exists is touched."""
    _create()
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Drop the tables with all that is in them."""
    for table in TABLES:
        op.drop_table(table)


def _create() -> None:
    op.create_table(
        "billing_profiles",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("vat_number", sa.Text(), nullable=True),
        sa.Column("tax_office", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name="billing_profiles_country"),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "packages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name_el", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("credit > 0", name="packages_credit"),
        sa.CheckConstraint("net_cents > 0", name="packages_net_cents"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "receipt_series",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last_number", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("series"),
    )
    op.create_table(
        "statement_profiles",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", postgresql.JSONB, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "statements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "voucher_batches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("value > 0 AND max_uses > 0", name="voucher_batches_values"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "voucher_guesses",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("guesses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("package_id", sa.BigInteger(), nullable=True),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_rate", sa.Integer(), nullable=False),
        sa.Column("vat_treatment", sa.Text(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), server_default=sa.text("'EUR'"), nullable=False),
        sa.Column("buyer", postgresql.JSONB, nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("refunded_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(state IN ('paid', 'partly_refunded', 'refunded')) = (paid_at IS NOT NULL)",
            name="orders_paid_at",
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'awaiting_payment', 'paid', 'partly_refunded', 'refunded', 'expired', 'cancelled')",
            name="orders_state",
        ),
        sa.CheckConstraint(
            "vat_treatment IN ('domestic', 'reverse_charge', 'outside_eu')", name="orders_vat_treatment"
        ),
        sa.CheckConstraint("gross_cents = net_cents + vat_cents", name="orders_gross"),
        sa.CheckConstraint("net_cents > 0 AND vat_cents >= 0 AND credit > 0", name="orders_amounts"),
        sa.CheckConstraint("refunded_cents BETWEEN 0 AND gross_cents", name="orders_not_over_refunded"),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name="orders_package"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("orders_of_account", "orders", ["account_id", "id"], unique=False)
    op.create_index(
        "orders_open",
        "orders",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('draft', 'awaiting_payment')"),
    )
    op.create_table(
        "vouchers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("uses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.CheckConstraint("uses BETWEEN 0 AND max_uses", name="vouchers_not_over_used"),
        sa.ForeignKeyConstraint(["batch_id"], ["voucher_batches.id"], name="vouchers_batch"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash", name="vouchers_code_hash"),
    )
    op.create_index("vouchers_of_batch", "vouchers", ["batch_id"], unique=False)
    op.create_table(
        "checkouts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("provider_order", sa.Text(), nullable=True),
        sa.Column("pay_url", sa.Text(), nullable=True),
        sa.Column("checks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="checkouts_order"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", name="checkouts_key"),
        sa.UniqueConstraint("provider", "provider_order", name="checkouts_provider_order"),
    )
    op.create_index(
        "checkouts_due",
        "checkouts",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("checkouts_of_order", "checkouts", ["order_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("provider_order", sa.Text(), nullable=True),
        sa.Column("order_reference", sa.Text(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("statement_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=True),
        sa.Column("remittance", sa.Text(), nullable=True),
        sa.Column("booked_on", sa.Date(), nullable=True),
        sa.Column("round", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'review') = (reason IS NOT NULL)", name="payments_reason"),
        sa.CheckConstraint(
            "state <> 'credited' OR (order_id IS NOT NULL AND amount_cents > 0)", name="payments_credited"
        ),
        sa.CheckConstraint(
            "state IN ('received', 'credited', 'review', 'ignored', 'dismissed')", name="payments_state"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="payments_order"),
        sa.ForeignKeyConstraint(["statement_id"], ["statements.id"], name="payments_statement"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "transaction_id", name="payments_once"),
    )
    op.create_index("payments_by_state", "payments", ["state", "id"], unique=False)
    op.create_index("payments_of_order", "payments", ["order_id"], unique=False)
    op.create_index("payments_of_statement", "payments", ["statement_id"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('receipt', 'credit_note')", name="receipts_kind"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="receipts_order"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("series", "number", name="receipts_number"),
    )
    op.create_index("receipts_of_order", "receipts", ["order_id"], unique=False)
    op.create_index(
        "receipts_one_an_order",
        "receipts",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'receipt'"),
    )
    op.create_table(
        "voucher_uses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("voucher_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["voucher_id"], ["vouchers.id"], name="voucher_uses_voucher"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("voucher_id", "account_id", name="voucher_uses_once"),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'requested'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("provider_refund_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('requested', 'done', 'failed', 'in_doubt')", name="refunds_state"),
        sa.CheckConstraint("amount_cents > 0 AND credit >= 0", name="refunds_amounts"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="refunds_order"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="refunds_payment"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("refunds_of_order", "refunds", ["order_id"], unique=False)
    op.create_index(
        "refunds_requested",
        "refunds",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'requested'"),
    )
