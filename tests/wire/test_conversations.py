"""What is made of an answer while others are awaited, and what is said next: `then` of an exchange."""

import time

import pytest
from wire.talkers import LONG_S, to, until

from mine_controller.wire import many as module
from mine_controller.wire.door import STEPS, Exchange, WireError, in_rounds
from mine_controller.wire.many import many

SILENT = WireError("timeout", "no answer")


def said(server, send, **more):
    return to(server, send, ends=b"", **more)


class Talk:
    """Says its words one after the other to one server and keeps what it heard."""

    def __init__(self, server, *words, **more):
        self.server, self.left, self.heard, self.more = server, list(words), [], more

    def first(self):
        return said(self.server, self.left.pop(0), then=self.then, **self.more)

    def then(self, answer):
        self.heard.append(answer)
        return self.first() if self.left and not isinstance(answer, WireError) else None


def echo(_server, peer, head):
    peer.sendall(head)


def slow(server, peer, head):
    """Answers "slow" after a while, everything else at once."""
    if head == b"slow":
        server.over.wait(0.3)
    peer.sendall(head)


def test_what_was_heard_is_handed_over_and_not_kept(serve):
    talk = Talk(serve(echo), b"a")
    assert many([talk.first(), said(serve(echo), b"b")], until()) == [b"", b"b"]
    assert talk.heard == [b"a"]


def test_who_only_hears_is_given_the_answer_while_others_think_and_nothing_follows(serve):
    heard, server = [], serve(slow)

    def late(answer):
        assert heard == [b"a"]  # long before
        return answer and None

    batch = [said(server, b"slow", then=late), said(server, b"a", hear=heard.append)]
    assert many(batch, until()) == [b"", b""]
    assert heard == [b"a"]
    door = in_rounds(batch[1:], lambda each: [b"b" for _ in each])
    assert (door, heard) == ([b""], [b"a", b"b"])


def test_who_only_hears_is_told_of_no_answer_by_the_list(serve):
    heard = []
    (answer,) = many([said(serve(lambda _server, _peer, _head: None), b"a", hear=heard.append)], until())
    assert (answer.kind, heard) == ("closed", [])
    (answer,) = in_rounds([Exchange("10.0.0.1", 80, b"a", hear=heard.append)], lambda each: [SILENT for _ in each])
    assert (answer, heard) == (SILENT, [])


def test_a_conversation_goes_on_until_it_says_nothing_more(serve):
    talk = Talk(serve(echo), b"1", b"2", b"3")
    assert many([talk.first()], until()) == [b""]
    assert talk.heard == [b"1", b"2", b"3"]


def test_nobody_waits_with_the_next_step_for_others_that_think_longer(serve):
    server, order = serve(slow), []
    quick, late = Talk(server, b"1", b"2", b"3"), Talk(server, b"slow")
    for talk in (quick, late):
        talk.heard = order
    many([late.first(), quick.first()], until())
    assert order == [b"1", b"2", b"3", b"slow"]


def test_an_error_is_handed_over_and_told(serve):
    talk = Talk(serve(lambda _server, peer, _head: peer.close()), b"a", b"b")
    (answer,) = many([talk.first()], until())
    assert answer.kind == "closed"
    assert talk.heard == [answer]


def test_without_time_every_conversation_hears_that_nothing_was_sent(serve):
    server = serve(echo)
    talks = [Talk(server, b"a", b"b") for _ in range(3)]
    answers = many([talk.first() for talk in talks], time.monotonic() - 1)
    assert [answer.kind for answer in answers] == ["unreachable"] * 3
    assert [len(talk.heard) for talk in talks] == [1, 1, 1]
    assert not server.asked


def test_a_step_that_comes_too_late_is_not_sent(serve, monkeypatch):
    monkeypatch.setattr(module, "BACKLOG", 0)
    server, heard, ends = serve(echo), [], until(0.4)

    def then(answer):
        heard.append(answer)
        time.sleep(max(0.0, ends - time.monotonic()))
        return said(server, b"late", then=heard.append)

    (answer,) = many([said(server, b"first", then=then)], ends)
    assert (answer.kind, heard) == ("unreachable", [b"first", answer])
    assert set(server.asked) == {b"first"}


def test_a_conversation_without_an_end_is_ended(serve):
    server = serve(echo)

    def again(_answer):
        return said(server, b"x", then=again)

    (answer,) = many([said(server, b"x", then=again)], until())
    assert answer.kind == "too_large"
    assert server.asked[b"x"] == STEPS


def test_with_room_for_one_socket_conversations_take_turns(serve, monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 1)
    server = serve(echo)
    talks = [Talk(server, b"%d a" % at, b"%d b" % at) for at in range(3)]
    assert many([talk.first() for talk in talks], until(LONG_S)) == [b""] * 3
    assert [talk.heard for talk in talks] == [[b"%d a" % at, b"%d b" % at] for at in range(3)]


@pytest.mark.parametrize("rides", [True, False])
def test_those_that_ride_hear_their_answers_too(serve, rides):
    talk = Talk(serve(echo), b"a", b"b", rides=rides)
    many([talk.first(), said(serve(slow), b"slow")], until())
    assert talk.heard == [b"a", b"b"]


def test_in_rounds_conversations_take_each_step_together():
    sent, heard = [], []

    def volley(exchanges):
        sent.append([each.send for each in exchanges])
        return [SILENT if each.send == b"silent" else each.send for each in exchanges]

    def two_steps(answer):
        heard.append(answer)
        return Exchange("10.0.0.1", 80, b"second", then=heard.append)

    batch = [Exchange("10.0.0.1", 80, b"first", then=two_steps), Exchange("10.0.0.2", 80, b"silent")]
    assert in_rounds(batch, volley) == [b"", SILENT]
    assert (sent, heard) == ([[b"first", b"silent"], [b"second"]], [b"first", b"second"])


def test_in_rounds_a_conversation_without_an_end_is_ended_too():
    def again(_answer):
        return Exchange("10.0.0.1", 80, b"x", then=again)

    (answer,) = in_rounds([again(b"")], lambda exchanges: [b"x" for _ in exchanges])
    assert answer.kind == "too_large"
