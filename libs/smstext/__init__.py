"""The text of an SMS: alphabets, parts, folding, placeholders, Greek vocatives and phone numbers. See
README.md.
"""

from .advice import Advice, Forcing, Option, advise
from .errors import BadOctets, ControlCharacters, InvalidNumber, NotGsm, TemplateError, TextError
from .extract import Extraction, Found, Rejected, extract_msisdns, iter_msisdns
from .folding import fold_to_gsm
from .gsm import (
    DATA_CODING_GSM,
    DATA_CODING_UCS2,
    decode_gsm,
    decode_ucs2,
    encode_gsm,
    encode_ucs2,
    is_gsm,
    strip_controls,
)
from .lexicon import gender_of
from .msisdn import country_of, parse_msisdn
from .segments import (
    STANDARD,
    WIDE_REFERENCE,
    ConcatInfo,
    Count,
    Limits,
    Segmentation,
    concat_udh,
    count,
    segment,
    split_udh,
)
from .senders import check_sender_id
from .templates import FIELDS, Template, compile_template
from .titles import title_vocative
from .vocative import Explained, explain, vocative

__all__ = [
    "DATA_CODING_GSM",
    "DATA_CODING_UCS2",
    "FIELDS",
    "STANDARD",
    "WIDE_REFERENCE",
    "Advice",
    "BadOctets",
    "ConcatInfo",
    "ControlCharacters",
    "Count",
    "Explained",
    "Extraction",
    "Forcing",
    "Found",
    "InvalidNumber",
    "Limits",
    "NotGsm",
    "Option",
    "Rejected",
    "Segmentation",
    "Template",
    "TemplateError",
    "TextError",
    "advise",
    "check_sender_id",
    "compile_template",
    "concat_udh",
    "count",
    "country_of",
    "decode_gsm",
    "decode_ucs2",
    "encode_gsm",
    "encode_ucs2",
    "explain",
    "extract_msisdns",
    "fold_to_gsm",
    "gender_of",
    "is_gsm",
    "iter_msisdns",
    "parse_msisdn",
    "segment",
    "split_udh",
    "strip_controls",
    "title_vocative",
    "vocative",
]
