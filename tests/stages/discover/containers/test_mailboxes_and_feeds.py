import io
import mailbox
from email.message import EmailMessage

import pytest

from stages.discover.containers import Limits, Member, members_of
from stages.errors import SourceError

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>Seeblick</title><link>https://see.example</link><language>de</language>
<item><guid>https://see.example/1</guid><title>Rat</title><description>Der Rat tagt.</description></item>
<item><title>Stadt</title><description>Die Stadt baut.</description></item>
</channel></rss>"""
ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>Seeblick</title><id>urn:x:feed</id>
<entry><id>urn:x:1</id><title>Rat</title><content type="html">&lt;p&gt;Der Rat tagt.&lt;/p&gt;</content></entry>
</feed>"""


def message(n, **headers):
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.example", f"Nachricht {n}"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(f"Text {n}.\n\nFrom hier an geht es weiter.\n")
    return mail


def mbox(tmp_path, messages):
    path = tmp_path / "x.mbox"
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for one in messages:
        box.add(one)
    box.close()
    return path.read_bytes()


def items(data, name="x", **limits):
    return list(members_of(io.BytesIO(data), name, Limits(**limits)))


def names(data, name="x"):
    return [item.name for item in items(data, name)]


def test_messages_are_named_by_their_ids(tmp_path):
    found = items(mbox(tmp_path, [message(1, Message_ID="<a/1@b.example>"), message(2, Message_ID="<2@b.example>")]))
    assert [item.name for item in found] == ["a%2F1@b.example.eml", "2@b.example.eml"]
    assert b"Text 1." in found[0].data
    assert b"Text 2." not in found[0].data


def test_a_line_that_looks_like_the_next_message_is_given_back_as_it_was(tmp_path):
    (item,) = items(mbox(tmp_path, [message(1)]))
    assert b"\n\nFrom hier an" in item.data


def test_a_message_that_comes_before_renames_no_other(tmp_path):
    messages = [message(1), message(2), message(3, Message_ID="<3@b.example>")]
    before = set(names(mbox(tmp_path, messages)))
    assert before < set(names(mbox(tmp_path, [message(0), *messages])))
    assert len(before) == 3


def test_a_message_too_long_is_refused_alone(tmp_path):
    long = message(1)
    long.set_content("lang " * 500)
    found = items(mbox(tmp_path, [long, message(2)]), max_member_bytes=1000)
    assert [item.error.code if not isinstance(item, Member) else "given" for item in found] == ["too_large", "given"]


def test_a_text_that_begins_with_from_is_no_mailbox():
    assert members_of(io.BytesIO(b"From Berlin to Rome\nthe trains run.\n"), "x.txt") is None


@pytest.mark.parametrize("name", ["x.xml", "x.rss", "x.txt", "x"])
def test_items_of_rss(name):
    first, second = items(RSS.encode(), name)
    assert first.name == "https:%2F%2Fsee.example%2F1.xml"
    assert second.name == f"{second.name[:16]}.xml"
    assert b"Der Rat tagt." in first.data
    assert b"Die Stadt" not in first.data
    assert b'feed-title="Seeblick"' in first.data
    assert members_of(io.BytesIO(first.data), first.name) is None


def test_items_of_atom():
    (item,) = items(ATOM.encode())
    assert item.name == "urn:x:1.xml"
    assert b'feed-language="de"' in item.data


def test_what_else_changes_in_a_feed_changes_no_item():
    later = RSS.replace("<link>https://see.example</link>", "<link>https://see.example</link><pubDate>heute</pubDate>")
    assert items(RSS.encode()) == items(later.encode())


def test_a_feed_cut_off_is_told():
    with pytest.raises(SourceError) as error:
        items(RSS[:-40].encode())
    assert error.value.code == "damaged"


def test_entities_are_refused():
    bomb = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + RSS.partition("?>")[2]
    with pytest.raises(SourceError, match="declares entities") as error:
        items(bomb.encode(), "x.rss")
    assert error.value.code == "bomb"
