"""The files Watchtracker reads: one module per kind of file, bytes in, records out. No Django here.

How to add a source:
1. Write a module named after the file. Its docstring says what the file is and what is odd about it.
2. Give it `recognise(head) -> bool`, which tells the file from all others by its first bytes, and
   `parse(file, options) -> Iterator[Outcome]`. `parse` looks at the whole file before its first outcome and raises
   SourceError for a file it does not understand, so that nothing of such a file is stored. After that it gives one
   Record, Ignored or Rejected for each row, in order, and raises nothing: no row is lost, and none stops the others.
   Memory does not grow with the file. Nothing is guessed: what a row does not say is left out.
3. Add a Source to SOURCES. Of several that recognise a file, the first takes it.
4. Show in its tests, with a real sample, that every row is accounted for, that a file cut off anywhere and a file with
   any byte changed end in rows or in a SourceError, and that the same history in two formats gives equal records.

Zips need no source of their own: archive.py reads every source's files out of them.
"""

from ingest.records import Precision
from ingest.sources import (
    letterboxd,
    netflix_activity,
    netflix_history,
    own_format,
    takeout_html,
    takeout_json,
    trakt,
    watchtracker_csv,
    watchtracker_jsonl,
)
from ingest.sources.source import Source

SOURCES: tuple[Source, ...] = (
    Source(
        name="takeout_html",
        title="a YouTube history from Google Takeout (HTML)",
        family="takeout",
        cut=Precision.SECOND,
        recognise=takeout_html.recognise,
        parse=takeout_html.parse,
    ),
    Source(
        name="takeout_json",
        title="a YouTube history from Google Takeout (JSON)",
        family="takeout",
        cut=Precision.SECOND,
        recognise=takeout_json.recognise,
        parse=takeout_json.parse,
    ),
    Source(
        name="netflix_activity",
        title=netflix_activity.TITLE,
        family="netflix",
        cut=Precision.DAY,
        recognise=netflix_activity.recognise,
        parse=netflix_activity.parse,
    ),
    Source(
        name="netflix_history",
        title=netflix_history.TITLE,
        family="netflix",
        cut=Precision.DAY,
        recognise=netflix_history.recognise,
        parse=netflix_history.parse,
    ),
    Source(
        name="trakt",
        title=trakt.TITLE,
        family="trakt",
        cut=Precision.UNKNOWN,
        recognise=trakt.recognise,
        parse=trakt.parse,
    ),
    Source(
        name="letterboxd",
        title=letterboxd.TITLE,
        family="letterboxd",
        cut=Precision.DAY,
        recognise=letterboxd.recognise,
        parse=letterboxd.parse,
        leaves=letterboxd.LEAVES,
    ),
    Source(
        name="watchtracker_jsonl",
        title=watchtracker_jsonl.TITLE,
        family=own_format.FAMILY,
        cut=None,
        recognise=watchtracker_jsonl.recognise,
        parse=watchtracker_jsonl.parse,
    ),
    Source(
        name="watchtracker_csv",
        title=watchtracker_csv.TITLE,
        family=own_format.FAMILY,
        cut=None,
        recognise=watchtracker_csv.recognise,
        parse=watchtracker_csv.parse,
    ),
)
