"""How text in any language is folded before its words are compared: by the stamp reader and by the maker of its table.

Exports print times in some two hundred languages: with no-break and narrow spaces, direction marks, the digits of
thirty scripts, and abbreviations with or without dots. Folded, "2 Сент. 2024 г." and "2 сент 2024 г" are the same.
"""

from __future__ import annotations

import re
import unicodedata

# Full stops and their like, where they end an abbreviation: "сент.", "a.m.", "सित॰", Tibetan and Hebrew marks,
# apostrophes. Those after digits stay, since they divide numbers: "2.9.2024".
_MARKS_AFTER_LETTERS = re.compile(r"(?<=[^\s\d])[.·․॰་׳᠊'’ʼꞌ]+")
# Not `\w+`: that leaves out the vowel signs of Indic scripts, without which "जून" (June) is "जन" (January).
_WORD = re.compile(r"[^\s\d!-/:-@\[-`{-~،。、⹁()]+")


def fold(text: str) -> str:
    """Case-folded; one ASCII space for any run of spaces, ASCII digits for any digits, no marks that are not seen."""
    if text.isascii():
        folded = text.lower()
    else:
        plain = "".join(map(_plain, unicodedata.normalize("NFKC", text)))
        folded = unicodedata.normalize("NFKC", plain.casefold())
    return " ".join(_MARKS_AFTER_LETTERS.sub("", folded).split())


def _plain(character: str) -> str:
    match unicodedata.category(character):
        case "Nd":
            return str(unicodedata.decimal(character))
        case "Cf":  # direction marks in Arabic, Hebrew and Persian; joiners
            return ""
    return "-" if character == "\N{MINUS SIGN}" else character


def words(folded: str) -> list[str]:
    """The words of folded text in their order; "2mh" holds one, "a. m." two, "a.m." one."""
    return _WORD.findall(folded)
