"""What the zone label at the end of a stamp means: one fixed offset, or a question to the person importing.

Takeout prints one label on every row, the one in force at the moment of export, and means its offset literally for all
of them: rows of July under CET are an hour ahead of UTC, too. So no daylight-saving rule is ever applied here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from ingest.records import SourceError
from ingest.sources.cldr import TABLE
from ingest.sources.words import fold

# Labels that people in several places read as theirs: refused until the person says which.
AMBIGUOUS: Mapping[str, str] = {
    "ACT": "Acre, Central Australia or the Australian Capital",
    "AMST": "Amazonas or Armenia",
    "AMT": "Amazonas or Armenia",
    "AST": "the Atlantic coast of America or Arabia",
    "BST": "Britain or Bangladesh",
    "CST": "central North America, China or Cuba",
    "ECT": "Ecuador or the eastern Caribbean",
    "GST": "the Gulf or South Georgia",
    "IST": "India, Israel or Ireland",
    "SST": "Samoa or Singapore",
    "WST": "Western Sahara, Western Australia or Samoa",
}
# What the person writes to choose the meaning most people with such an export will want.
_EXAMPLES: Mapping[str, str] = {
    "AST": "-04:00",
    "BST": "+01:00",
    "CST": "-06:00",
    "ECT": "-05:00",
    "GST": "+04:00",
    "IST": "+05:30",
    "SST": "-11:00",
}

# In minutes. Labels of the zone database that no language of CLDR has, and labels that one small locale of CLDR uses
# for something else (Acre's ACST, Hindi's HST for Hawaii in summer). CDT is central North America: Cuba uses it, too,
# but no language of CLDR abbreviates Cuba's zone so.
WELL_KNOWN: Mapping[str, int] = {
    "ACST": 570,
    "CDT": -300,
    "EEST": 180,
    "GMT": 0,
    "HST": -600,
    "MSK": 180,
    "PKT": 300,
    "SGT": 480,
    "TRT": 180,
    "UTC": 0,
    "WEST": 60,
    "WIB": 420,
    "WIT": 540,
    "WITA": 480,
    "Z": 0,
}
# French alone writes the S for "standard": its EEST is the winter's, and its summer is EEDT.
_FRENCH: Mapping[str, int] = {"EEST": 120, "WEST": 0}
_SPEAKERS_OF_FRENCH = frozenset(("fr", "ht"))


def label_key(label: str) -> str:
    """The form labels are compared in."""
    return fold(label).upper()


def offset_seconds(label: str, languages: Collection[str], chosen: Mapping[str, timedelta]) -> int:
    """The offset of a label in a file of these languages; what the person has chosen goes before what we know.

    A file without labels (before 2018) is in UTC. Raises SourceError with code `zone_label`.
    """
    for name, offset in chosen.items():
        if label_key(name) == label_key(label):
            return int(offset.total_seconds())
    if not label:
        return 0
    if label in AMBIGUOUS:
        example = _EXAMPLES.get(label, "+HH:MM")
        raise SourceError(
            "zone_label", f"{label} can mean {AMBIGUOUS[label]}; say which with --zone-label {label}={example}."
        )
    if label in _FRENCH and languages and _SPEAKERS_OF_FRENCH.issuperset(languages):
        return _FRENCH[label] * 60
    if label in WELL_KNOWN:
        return WELL_KNOWN[label] * 60
    meanings = TABLE.zones.get(label, {})
    if len(meanings) == 1:
        return int(next(iter(meanings))) * 60
    raise SourceError(
        "zone_label", f"The time zone label {label!r} is not known; say what it is with --zone-label {label}=+HH:MM."
    )


def is_known(label: str) -> bool:
    return not label or label in AMBIGUOUS or label in WELL_KNOWN or label in TABLE.zones
