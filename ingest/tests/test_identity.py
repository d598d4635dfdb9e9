"""The derivation of ids, pinned: these values are in every database ever filled."""

import pytest

from ingest.pipeline.identity import Identifier, channel_id, hash63, video_id
from ingest.records import Channel, Precision, Record, Video

AT = 1_725_293_107

PINNED = [
    ("takeout", Precision.SECOND, Record(1, "youtube:dQw4w9WgXcQ", AT), 1296516627910356683),
    ("takeout", Precision.SECOND, Record(1, "", AT), 418732855601573309),
    ("netflix", Precision.DAY, Record(1, "ana|Suits: Season 2", 1_690_000_000), 5649003088720873173),
    ("trakt", Precision.UNKNOWN, Record(1, "813678425", 1_376_059_680), 2362031256169240375),
    ("api", None, Record(1, "youtube:x", AT), 5660566175499464505),
    ("api", None, Record(1, "youtube:x", AT, Precision.MINUTE), 7998564001469333896),
    ("api", None, Record(1, "youtube:x", 1_725_235_200, Precision.DAY), 8237348931940189294),
    ("api", None, Record(1, "youtube:x", None, Precision.UNKNOWN), 38013207296408213),
    ("api", None, Record(1, "ю:пример", -1), 6148829105839515809),
]


@pytest.mark.parametrize(("family", "cut", "record", "id"), PINNED)
def test_a_record_has_the_id_it_always_had(family, cut, record, id):
    assert Identifier(family, cut).identify(record).id == id


def test_a_video_and_a_channel_have_the_ids_they_always_had():
    assert video_id(Video("youtube", "dQw4w9WgXcQ")) == hash63("youtube:dQw4w9WgXcQ") == 1762142358113746373
    assert channel_id(Channel("youtube", "UCuAXFkgsw1L7xaCfnd5JJOw")) == 4514845246575165584


def test_ids_fit_a_signed_column_and_are_never_0():
    ids = [hash63(str(number)) for number in range(10_000)]
    assert all(0 < id < 2**63 for id in ids)
    assert len(set(ids)) == len(ids)


def test_equal_plays_of_a_day_are_numbered():
    identifier = Identifier("netflix", Precision.DAY)
    record = Record(1, "ana|Heat", 1_690_000_000, Precision.DAY)
    first, second = identifier.identify(record), identifier.identify(record)
    assert (first.key, second.key) == ("netflix|d19560|0|ana|Heat", "netflix|d19560|1|ana|Heat")


def test_equal_plays_of_a_second_are_one():
    identifier = Identifier("takeout", Precision.SECOND)
    record = Record(1, "youtube:x", AT)
    assert identifier.identify(record) == identifier.identify(record)


def test_a_play_with_a_number_of_its_own_needs_no_time():
    identifier = Identifier("trakt", Precision.UNKNOWN)
    assert identifier.identify(Record(1, "7", AT)) == identifier.identify(Record(2, "7", AT + 60))
