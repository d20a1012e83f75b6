"""The bodies of Viva's webhooks, and the key with which it checks who listens."""

import hashlib
import json
import uuid
from collections.abc import Callable

from simulators.viva.store import Merchant, Order, Transaction, euros
from simulators.webhooks import now_iso


def key_of(merchant: Merchant) -> str:
    """The merchant's verification key: 40 hexadecimal capitals, always the same."""
    return hashlib.sha1(f"{merchant.merchant_id}:{merchant.api_key}".encode()).hexdigest().upper()


def maker(
    event: int, transaction: Transaction, order: Order, merchant: Merchant
) -> Callable[[int], tuple[bytes, dict[str, str]]]:
    """The webhook of `event` about a transaction; each attempt tells how many there were before."""
    message_id, created = str(uuid.uuid4()), now_iso(7)
    failed = transaction.status == "E"
    data = {
        "TransactionId": transaction.id, "OrderCode": order.code, "StatusId": transaction.status,
        "Amount": euros(transaction.amount), "CurrencyCode": transaction.currency,
        "MerchantId": merchant.merchant_id, "MerchantTrns": order.asked.get("merchantTrns"),
        "CustomerTrns": order.asked.get("customerTrns"), "Email": order.asked.get("customer", {}).get("email"),
        "InsDate": transaction.inserted, "SourceCode": order.asked.get("sourceCode", "Default"),
        "TransactionTypeId": transaction.type, "CardNumber": "414746XXXXXX0133", "ParentId": transaction.parent,
        "BankId": "NET_VISA", "TotalFee": 0, "TipAmount": 0, "ReferenceNumber": 944981,
        "ResponseCode": None if failed else "00", "ResponseEventId": 10051 if failed else None,
        "OrderCulture": "el-GR", "Tags": order.asked.get("tags", []), "ElectronicCommerceIndicator": "5",
        "Moto": False, "Systemic": False, "Switching": False,
    }  # fmt: skip

    def make(earlier: int) -> tuple[bytes, dict[str, str]]:
        envelope = {
            "Url": None, "EventTypeId": event, "Created": created, "CorrelationId": message_id[:8], "Delay": None,
            "MessageId": message_id, "RecipientId": merchant.merchant_id, "MessageTypeId": 512,
            "RetryCount": earlier, "RetryDelay": None, "EventData": data,
        }  # fmt: skip
        return json.dumps(envelope, ensure_ascii=False).encode(), {}

    return make
