"""How one account's export says "watched", in whatever language it is, and so which rows are watches.

A history also holds what was liked, viewed, visited and answered, and says so in a verb before the title ("Watched X"),
after it ("X angesehen") or around it ("Je hebt naar X gekeken"). An export has one language, so the file itself is the
best witness: on pages the title is a link and the verb is what stands around it; in JSON, titles that are bare
addresses show it ("Watched https://…"). A table of known verbs helps where the file says too little.

The verb also tells which rows without a link are watches of removed videos ("Watched a video that has been removed")
and which are other things ("Used Shorts creation tools").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Verb(NamedTuple):
    """What stands before and after a title, with single spaces and none at the ends."""

    before: str
    after: str

    def title_in(self, text: str) -> str | None:
        """The title, if this verb stands around it in the text."""
        end = len(text) - len(self.after)
        if not (text.startswith(self.before) and text.endswith(self.after) and end >= len(self.before)):
            return None
        if _grown_together(text[: len(self.before)], text[len(self.before) :]):
            return None
        if _grown_together(text[:end], text[end:]):
            return None
        return text[len(self.before) : end].strip()


def _grown_together(left: str, right: str) -> bool:
    """Whether a cut here would fall inside a word; scripts without capitals may do without spaces ("を視聴")."""
    return bool(left and right) and _cased(left[-1]) and _cased(right[0])


def _cased(character: str) -> bool:
    return character.lower() != character.upper() or character.isdigit()


NO_VERB = Verb("", "")

# Seen in real exports (en, uk, ko, ja, fr), or known to other readers of them: atillaturkmen/youtube-rewind,
# src/util/supportedLanguages.js. Brazilian and Chinese exports were reported to keep the English verb.
WATCHED = frozenset(
    Verb(before, after)
    for before, after in (
        ("Watched", ""),
        ("Vous avez regardé", ""),
        ("", "angesehen"),
        ("Je hebt naar", "gekeken"),
        ("Hai guardato", ""),
        ("Viste", ""),
        ("Has visto", ""),
        ("Obejrzano:", ""),
        ("Просмотрено видео", ""),
        ("Ви дивилися відео", ""),
        ("", "adlı videoyu izlediniz"),
        ("", "を視聴しました"),
        ("", "을(를) 시청했습니다."),
        ("Tittade på", ""),
        ("Så", ""),
        ("Så på", ""),
        ("", "katsottiin"),
        ("Zhlédli jste video", ""),
        ("Megtekintette a következőt:", ""),
        ("Ați vizionat", ""),
        ("Παρακολουθήσατε το βίντεο", ""),
        ("Гледахте", ""),
        ("تمت مشاهدة", "."),
        ("", "را تماشا کردید"),
        ("", "देखा"),
        ("", "izlənildi"),
        ("", "দেখা হয়েছে"),
        ("Pinanood ang", ""),
        ("", "دیکھی"),
    )
)

# Other things done to a video, for exports of which they are all there is.
OTHERWISE = frozenset(
    Verb(before, "")
    for before in ("Liked", "Disliked", "Saved", "Shared", "Viewed", "Visited", "Commented on", "Searched for", "Added")
)

# Sentences for a removed video that do not begin or end with their language's verb.
REMOVED = frozenset(("Ви подивилися відео, яке було видалено",))

# A second verb counts when it is no accident: titles end in all sorts of words.
SHARE_OF_A_SECOND_VERB = 0.1
# In JSON an unknown verb is what nearly all titles share. Fewer titles than this may share more than a verb.
TITLES_TO_LEARN_FROM = 20
SHARE_TO_LEARN_FROM = 0.95
TITLES_KEPT = 2_000
VERBS_KEPT = 1_000
LINES_KEPT = 1_000


class Wording:
    """The verbs of one file. `sure` says whether rows with other words are something else."""

    def __init__(self, verbs: Iterable[Verb], *, sure: bool = True) -> None:
        self.verbs = frozenset(verbs)
        self.sure = sure
        # Most files have one verb, before the title.
        self._only, self._opening = NO_VERB, ""
        if len(self.verbs) == 1:
            (self._only,) = self.verbs
            self._opening = f"{self._only.before} " if self._only.before and not self._only.after else ""

    def is_watched(self, before: str, after: str) -> bool:
        return not self.sure or (before, after) in self.verbs

    def take_apart(self, text: str) -> tuple[Verb, str]:
        """The verb and the title in a clean text; the longest, where several verbs fit ("Så", "Så på").

        Where none fits, the whole text is taken for the title where that may be (not sure), and for a verb otherwise.
        """
        if self._opening and text.startswith(self._opening):
            return self._only, text[len(self._opening) :]
        found = [(verb, title) for verb in self.verbs if (title := verb.title_in(text)) is not None]
        if found:
            return min(found, key=lambda pair: (len(pair[1]), pair[0]))
        return (Verb(text, ""), "") if self.sure else (NO_VERB, text)

    def is_removed(self, line: str) -> bool:
        """Whether a line without a link tells of a watched video that is no longer there."""
        return line in REMOVED or any(_opens(verb, line) or _closes(verb, line) for verb in self.verbs or WATCHED)


def _opens(verb: Verb, line: str) -> bool:
    """ "Obejrzano:" opens "Obejrzano film, który został usunięty"."""
    opening = verb.before.rstrip(":. ")
    rest = line[len(opening) :]
    return bool(opening and rest) and line.startswith(opening) and not _grown_together(opening, rest)


def _closes(verb: Verb, line: str) -> bool:
    """ "adlı videoyu izlediniz" closes a line that ends in its last word. A verb around a title closes none."""
    if verb.before or not verb.after:
        return False
    closing = verb.after.rstrip(". ").split(" ")[-1]
    rest = line.rstrip(". ").removesuffix(closing)
    return rest.strip() != "" and rest != line.rstrip(". ") and not _grown_together(rest, closing)


class PageSurvey:
    """The verbs around the links to videos on one page."""

    def __init__(self) -> None:
        self._found: Counter[tuple[str, Verb]] = Counter()

    def add(self, product: str, before: str, after: str, count: int = 1) -> None:
        found = (product, Verb(before, after))
        if found in self._found or len(self._found) < VERBS_KEPT:
            self._found[found] += count

    def settle(self) -> Wording:
        """Known verbs, if the page has any; else the most usual one of each product."""
        verbs = {verb for _product, verb in self._found}
        known = verbs & WATCHED
        if known:
            return Wording(known)
        usual: dict[str, Verb] = {}
        for (product, verb), _count in sorted(self._found.items(), key=lambda found: (found[1], found[0])):
            if verb not in OTHERWISE:
                usual[product] = verb
        return Wording(usual.values())


class TitleSurvey:
    """The verbs in the titles of one JSON file, which are the only place it has them."""

    def __init__(self) -> None:
        self._from_addresses: Counter[Verb] = Counter()
        self._titles: dict[str, None] = {}

    def add(self, title: str, url: str) -> None:
        """Takes the title of a row with a video, and its address."""
        before, address, after = title.partition(url)
        if url and address:
            verb = Verb(before.strip(), after.strip())
            if verb in self._from_addresses or len(self._from_addresses) < VERBS_KEPT:
                self._from_addresses[verb] += 1
        elif len(self._titles) < TITLES_KEPT:
            self._titles[title] = None

    def settle(self) -> Wording:
        titles = list(self._titles)
        shown = {verb for verb in self._from_addresses if verb not in OTHERWISE and verb != NO_VERB}
        known = shown & WATCHED or (set() if shown else set(_known_verbs(titles)))
        if known or shown:
            return Wording(known or {max(shown, key=lambda verb: (self._from_addresses[verb], verb))})
        learned = _shared_verb(titles)
        return Wording([learned] if learned else [], sure=learned in OTHERWISE)


def _known_verbs(titles: list[str]) -> Iterator[Verb]:
    """The known verbs that most titles have, the most usual first; none if they explain less than most of them."""
    left = titles
    while left:
        fits = {verb: [title for title in left if verb.title_in(title) is None] for verb in WATCHED}
        verb = min(fits, key=lambda verb: (len(fits[verb]), -len(verb.before) - len(verb.after), verb))
        taken = len(left) - len(fits[verb])
        if taken < len(titles) * (SHARE_OF_A_SECOND_VERB if left is not titles else 0.5):
            return
        yield verb
        left = fits[verb]


def _shared_verb(titles: list[str]) -> Verb | None:
    """What nearly all titles begin or end with, cut at words; None where titles are few or share nothing."""
    if len(titles) < TITLES_TO_LEARN_FROM:
        return None
    before = _shared_opening(titles)
    after = _shared_opening([title[::-1] for title in titles])[::-1]
    return Verb(before, after) if before or after else None


def _shared_opening(titles: list[str]) -> str:
    """The longest opening that nearly all titles share and that does not end inside a word."""
    ordered = sorted(titles)
    window = max(2, int(len(ordered) * SHARE_TO_LEARN_FROM))
    pairs = zip(ordered, ordered[window - 1 :], strict=False)
    shared = max((_common(first, last) for first, last in pairs), key=len)
    rest = next(title[len(shared) :] for title in ordered if title.startswith(shared))
    while shared and _grown_together(shared, rest):
        shared, rest = shared[:-1], shared[-1] + rest
    return shared.strip()


def _common(one: str, other: str) -> str:
    """The opening of two texts."""
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]
