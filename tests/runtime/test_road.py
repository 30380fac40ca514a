"""The whole road in one process: a signed webhook in, a counted vote and a reply out, and all that can go wrong between."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from vaiven.channels.contract import ProviderResponse
from vaiven.model.errors import SignatureMismatch, StoreUnavailable
from vaiven.model.outbox import RowState
from vaiven.runtime.transport import NoResponse
from vaiven.stores.contract import Role

ROOT = Path(__file__).parents[2]


async def totals(road) -> dict[str, int]:
    return {f"{each.option}:{each.outcome}": each.count for each in await road.store.totals("final")}


async def test_a_vote_goes_from_a_signed_webhook_to_a_counted_reply(road) -> None:
    await road.say("vote 2")
    assert await totals(road) == {"bea:counted": 1}
    assert await road.said() == ["Vote 1 of 3 for Bea & Tom counted.\nReply another number to vote again."]
    assert await road.states() == [RowState.ACCEPTED]
    (call,) = road.wire.calls
    form = parse_qs(call.body.decode())
    assert form["To"] == ["+12025550123"]
    assert form["Body"] == await road.said()


async def test_an_unsigned_webhook_leaves_nothing_behind(road) -> None:
    request = road.webhook("vote 2")
    with pytest.raises(SignatureMismatch):
        await road.bot.intake.receive("sms", type(request)(request.method, request.url, {}, request.body))
    await road.rest()
    assert await totals(road) == {}
    assert (await road.store.counts()).inbox == 0


async def test_the_same_message_twice_is_one_vote_and_one_reply(road) -> None:
    for _ in range(2):
        await road.say("vote 2", sid="SM1")
    assert await totals(road) == {"bea:counted": 1}
    assert len(road.wire.calls) == 1
    assert road.bot.counts["duplicates", "sms"] == 1
    assert (await road.state()).contact.version == 1


async def test_a_burst_of_one_contact_is_applied_in_its_order(road) -> None:
    for text in ("vote 1", "2", "3", "1"):
        await road.bot.intake.receive("sms", road.webhook(text))
    await road.rest()
    assert [text.split(" ")[0:5] for text in await road.said()] == [
        ["Vote", "1", "of", "3", "for"],
        ["Vote", "2", "of", "3", "for"],
        ["Vote", "3", "of", "3", "for"],
        ["You", "have", "used", "all", "3"],
    ]
    assert await totals(road) == {"anna:counted": 1, "bea:counted": 1, "cleo:counted": 1, "anna:capped": 1}


async def test_replies_to_one_contact_are_dialed_one_at_a_time_in_order(road) -> None:
    road.wire.answer = lambda _: None
    await road.say("vote 1")
    await road.say("2")
    assert len(road.wire.calls) == 1
    assert await road.states() == [RowState.DIALED, RowState.QUEUED]
    road.wire.answer = road.wire.accepted
    road.wire.release(ProviderResponse(201, {}, b'{"sid":"SM1"}'))
    await road.rest()
    await road.tick()
    assert await road.states() == [RowState.ACCEPTED, RowState.ACCEPTED]


async def test_after_a_stop_nothing_queued_goes_out_but_the_one_confirmation(road) -> None:
    road.wire.answer = lambda _: None
    await road.say("vote 1")
    await road.say("2")
    await road.say("STOP")
    road.wire.answer = road.wire.accepted
    road.wire.release(ProviderResponse(201, {}, b'{"sid":"SM1"}'))
    await road.rest()
    await road.tick()
    assert await road.states() == [RowState.ACCEPTED, RowState.SUPPRESSED, RowState.ACCEPTED]
    assert (await road.said())[2].startswith("You are unsubscribed")
    assert [(line.opted_out, line.word) for line in await road.store.consents()] == [(True, "STOP")]


async def test_an_opted_out_viewers_vote_counts_and_its_receipt_is_suppressed(road) -> None:
    await road.say("STOP")
    await road.say("3")
    assert await totals(road) == {"cleo:counted": 1}
    assert await road.states() == [RowState.ACCEPTED, RowState.SUPPRESSED]
    await road.say("START")
    await road.say("3")
    assert (await road.states())[-1] is RowState.ACCEPTED
    assert [line.opted_out for line in await road.store.consents()] == [True, False]


async def test_an_opt_out_that_only_the_provider_knew_is_learned(road) -> None:
    road.wire.answer = lambda _: ProviderResponse(400, {}, b'{"code":21610,"message":"x","status":400}')
    await road.say("vote 1")
    await road.tick()
    assert (await road.state()).contact.opt_outs.keys() == {"+12025550100"}
    road.wire.answer = road.wire.accepted
    await road.say("2")
    assert await road.states() == [RowState.REJECTED, RowState.SUPPRESSED]


async def test_a_receipt_that_must_not_come_twice_is_unknown_for_good(road) -> None:
    road.wire.answer = lambda _: NoResponse(True, "reset")
    await road.say("vote 1")
    await road.tick(3600)
    assert await road.states() == [RowState.UNKNOWN]
    assert len(road.wire.calls) == 1


async def test_a_reply_of_unknown_outcome_waits_then_goes_once_more(road) -> None:
    road.wire.answer = lambda _: NoResponse(True, "reset")
    await road.say("vote")
    await road.tick(59)
    assert len(road.wire.calls) == 1
    await road.tick(2)
    assert len(road.wire.calls) == 2
    await road.tick(3600)
    assert (len(road.wire.calls), await road.states()) == (2, [RowState.UNKNOWN])


async def test_a_delivery_receipt_settles_an_unknown(road) -> None:
    road.wire.answer = lambda _: NoResponse(True, "reset")
    await road.say("vote")
    (row,) = await road.rows()
    status = {"MessageSid": "SM77", "MessageStatus": "delivered", "To": "+12025550123", "From": "+12025550100"}
    await road.bot.intake.receive("sms", road.post("/hooks/sms", status, f"ref={row.reference}"))
    await road.rest()
    (row,) = await road.rows()
    assert (row.state, row.delivery) == (RowState.ACCEPTED, "delivered")
    await road.tick(61)
    assert len(road.wire.calls) == 1


async def test_a_call_that_never_left_is_tried_again_with_patience(road) -> None:
    road.wire.answer = lambda _: NoResponse(False, "refused")
    await road.say("vote 1")
    assert await road.states() == [RowState.RETRY]
    road.wire.answer = road.wire.accepted
    await road.tick(2)
    assert await road.states() == [RowState.ACCEPTED]


async def test_a_throttled_sender_rests(road) -> None:
    road.wire.answer = lambda _: ProviderResponse(429, {"retry-after": "5"}, b'{"code":20429}')
    await road.say("vote 1")
    road.wire.answer = road.wire.accepted
    await road.say("vote 1", number="+12025550124")
    assert len(road.wire.calls) == 1
    await road.tick(5.1)
    await road.tick(0.1)
    assert await road.states() == [RowState.ACCEPTED]
    assert await road.states("+12025550124") == [RowState.ACCEPTED]


async def test_a_senders_rate_holds(make_road) -> None:
    from vaiven.runtime.pacing import Pacing

    road = make_road(pacing=Pacing(rate_per_s=5))
    await road.start()
    for viewer in range(20):
        await road.say("1", number=f"+1202555{viewer + 130:04d}")
    assert len(road.wire.calls) == 1
    for _ in range(10):
        await road.tick(0.2)
    assert 9 <= len(road.wire.calls) <= 11 + 1
    await road.stop()


async def test_a_timer_fires_once_and_a_late_answer_starts_anew(road) -> None:
    await road.say("vote")
    assert "sms" in (await road.state()).sessions
    await road.tick(600)
    assert (await road.state()).sessions == {}
    version = (await road.state()).contact.version
    await road.tick(600)
    assert (await road.state()).contact.version == version
    await road.say("2")
    assert await totals(road) == {"bea:counted": 1}


async def test_a_message_outside_the_window_is_told_so_and_accounted_for(road) -> None:
    road.clock.advance(3 * 3_600_000)
    await road.say("vote 2")
    assert await totals(road) == {"bea:late": 1}
    assert await road.said() == ["Voting has closed. Your vote was not counted."]


async def test_a_store_that_cannot_answer_is_told_to_the_provider_and_nothing_is_lost(road) -> None:
    commit, accept = road.store.commit, road.store.accept

    async def down(*_: object) -> None:
        raise StoreUnavailable("down")

    road.store.accept = down
    with pytest.raises(StoreUnavailable):
        await road.bot.intake.receive("sms", road.webhook("vote 1", sid="SM9"))
    road.store.accept = accept
    road.store.commit = down
    await road.bot.intake.receive("sms", road.webhook("vote 1", sid="SM9"))
    async with asyncio.timeout(60):
        while not road.bot.counts["store_errors", "turn"]:
            await asyncio.sleep(0.001)
        assert await totals(road) == {}
        road.store.commit = commit
        while not await totals(road):
            await asyncio.sleep(0.001)
    await road.rest()
    assert await totals(road) == {"anna:counted": 1}


async def test_a_poisoned_event_is_set_aside_and_its_neighbours_go_on(road) -> None:
    decide = road.bot.turns._decider.decide

    def failing(taken, *rest):
        if taken.event.id.endswith("SMpoison"):
            raise RuntimeError("a flow that fails")
        return decide(taken, *rest)

    road.bot.turns._decider.decide = failing
    await road.bot.intake.receive("sms", road.webhook("vote 1", sid="SMpoison"))
    await road.bot.intake.receive("sms", road.webhook("vote 2", sid="SMafter"))
    await road.bot.intake.receive("sms", road.webhook("vote 3", number="+12025550124"))
    await road.rest()
    (dead,) = await road.store.dead(10)
    assert dead.event.id == "sms:SMpoison"
    assert await totals(road) == {"bea:counted": 1, "cleo:counted": 1}


async def test_unreadable_but_signed_is_kept_and_answered(road) -> None:
    answer = await road.bot.intake.receive("sms", road.post("/hooks/sms", {"Surprise": "1"}))
    await road.rest()
    assert answer.status == 200
    (record,) = [record async for record in road.store.history()]
    assert record.event.home.startswith("channel:sms/")
    assert b"Surprise" in record.event.body.raw


async def test_a_new_owner_accounts_for_what_the_old_one_had_dialed(make_road) -> None:
    road = make_road()
    await road.start()
    road.wire.answer = lambda _: None
    await road.say("vote 1")
    await road.say("vote", number="+12025550124")
    assert await road.states() == [RowState.DIALED]
    # The first owner says no more; its leases run out.
    road._running.cancel()
    road.clock.advance(20_000)
    heir = make_road(store=road.store)
    heir.clock = road.clock
    for role in Role:
        await road.store.release(role, "test")
    await heir.start()
    await heir.rest()
    assert await heir.states() == [RowState.UNKNOWN]
    assert await heir.states("+12025550124") == [RowState.HELD]
    await heir.stop()


async def test_history_is_a_chain_from_the_contact_backwards(road) -> None:
    for text in ("vote", "2", "rules"):
        await road.say(text)
    home = (await road.state()).contact.home
    records = [record async for record in road.store.history(home)]
    assert [record.version for record in records] == [3, 2, 1]
    assert [record.previous for record in records] == [records[1].number, records[2].number, 0]
    assert all(record.after is not None and record.after.contact.ring == b"" for record in records)


async def test_people_inside_an_edited_flow_go_on_in_the_shape_they_began(make_road) -> None:
    file = ROOT / "flows/tv_vote/vote.flow.yaml"
    old = make_road(flow=file.read_text().replace("then: {go: pick, quiet: true}", "then: {go: bye}"))
    await old.start()
    await old.say("vote")
    await old.stop()
    new = make_road(store=old.store, flow=file.read_text())
    await new.start()
    await new.say("2", sid="SMnew1")
    assert (await new.state()).sessions == {}  # the old shape ends after one vote
    await new.say("2", sid="SMnew2")
    assert "sms" in (await new.state()).sessions  # a new session is one of the new shape
    assert await totals(new) == {"bea:counted": 2}
    await new.stop()


async def test_a_session_whose_shape_is_lost_ends_and_its_message_is_still_a_vote(make_road) -> None:
    file = ROOT / "flows/tv_vote/vote.flow.yaml"
    old = make_road(flow=file.read_text().replace("then: {go: pick, quiet: true}", "then: {go: bye}"))
    await old.start()
    await old.say("vote")
    await old.stop()
    old.store._flows.clear()
    new = make_road(store=old.store, flow=file.read_text())
    await new.start()
    await new.say("2", sid="SMnew1")
    assert await totals(new) == {"bea:counted": 1}
    await new.stop()


async def test_a_row_that_cannot_be_built_does_not_strand_its_neighbours(road) -> None:
    build = road.bot.sender._channels["sms"].build

    def failing(row):
        if "Anna" in row.message.text:
            raise ValueError("a channel that fails")
        return build(row)

    road.bot.sender._channels["sms"].build = failing
    for text, number in (("1", "+12025550123"), ("2", "+12025550124")):
        await road.bot.intake.receive("sms", road.webhook(text, number=number))
    await road.rest()
    assert await road.states() == [RowState.REJECTED]
    assert await road.states("+12025550124") == [RowState.ACCEPTED]


async def test_hundreds_of_timers_due_at_once_all_fire_in_one_sweep(road) -> None:
    for viewer in range(300):
        await road.bot.intake.receive("sms", road.webhook("vote", number=f"+1202555{viewer:04d}"))
    await road.rest()
    await road.tick(601)
    assert (await road.store.counts()).timers == 0
    assert road.bot.counts["turns", "TimerDue"] == 300


async def test_a_pause_longer_than_the_lease_does_not_make_ones_own_calls_strays(road) -> None:
    road.wire.answer = lambda _: None
    await road.say("vote 1")
    road.clock.advance(hours=1)
    await road.bot.share()
    road.wire.release(ProviderResponse(201, {}, b'{"sid":"SM1"}'))
    await road.rest()
    assert await road.states() == [RowState.ACCEPTED]


async def test_a_call_whose_lease_ended_and_is_ours_again_is_settled_by_its_answer(make_road) -> None:
    road = make_road()
    await road.start()
    road.wire.answer = lambda _: None
    await road.say("vote 1")
    for role in Role:
        await road.store.release(role, "test")
    await road.bot.share()
    road.wire.release(ProviderResponse(201, {}, b'{"sid":"SM1"}'))
    await road.rest()
    assert await road.states() == [RowState.ACCEPTED]


async def test_an_answer_that_came_between_two_of_our_leases_is_not_forgotten(make_road) -> None:
    road = make_road()
    await road.start()
    road.wire.answer = lambda _: None
    await road.say("vote 1")
    for role in Role:
        await road.store.release(role, "test")
    road.wire.release(ProviderResponse(201, {}, b'{"sid":"SM1"}'))
    await road.rest()
    assert await road.states() == [RowState.DIALED]
    await road.bot.share()
    assert await road.states() == [RowState.ACCEPTED]


async def test_a_recovery_that_the_store_refused_is_tried_again(make_road) -> None:
    road = make_road()
    await road.start()
    road.wire.answer = lambda _: None
    await road.say("vote 1")
    strays, asked = road.store.strays, []

    async def down_once(epochs):
        asked.append(epochs)
        if len(asked) == 1:
            raise StoreUnavailable("down")
        return await strays(epochs)

    road.store.strays = down_once
    for role in Role:  # somebody else had the leases for a moment
        await road.store.release(role, "test")
    with pytest.raises(StoreUnavailable):
        await road.bot.share()
    await road.bot.share()
    assert len(asked) == 2
    await road.say("2", number="+12025550124")
    assert await totals(road) == {"anna:counted": 1, "bea:counted": 1}


async def test_what_an_answer_teaches_of_a_person_survives_a_store_that_blinks(road) -> None:
    from vaiven.channels.contract import Outcome, Result
    from vaiven.model.urns import Identity, Urn

    stable, phone = Urn("whatsapp:GB.7f3a"), Urn("whatsapp:447700900123")
    await road.store.identify([Identity(phone)])
    identify, asked = road.store.identify, []

    async def down_once(identities):
        asked.append(identities)
        if len(asked) == 1:
            raise StoreUnavailable("down")
        return await identify(identities)

    road.store.identify = down_once
    road.bot.sender._channels["sms"].read = lambda _: Outcome(Result.ACCEPTED, "SM1", learned=(stable, phone))
    await road.bot.intake.receive("sms", road.webhook("vote 1"))
    async with asyncio.timeout(60):
        while len(asked) < 2:
            await asyncio.sleep(0.01)
    await road.rest()
    assert await identify([Identity(stable)]) == [phone]


async def test_a_batch_whose_lease_ended_while_it_was_loaded_is_taken_again(make_road) -> None:
    """A store that lost its last words gives the numbers of the batch to other events."""
    road = make_road()
    road.bot.store.turn_at_once = lambda _: None
    await road.start()
    load, take, order = road.store.load, road.store.take, []

    async def load_slowly(homes):
        order.append("load")
        if order.count("load") == 1:
            for role in Role:
                await road.store.release(role, "test")
            await road.bot.share()
        return await load(homes)

    async def take_again(*asked):
        given = await take(*asked)
        order.extend("take" for _ in given)
        return given

    road.store.load, road.store.take = load_slowly, take_again
    await road.say("vote 1")
    assert order == ["take", "load", "take", "load"]
    assert await totals(road) == {"anna:counted": 1}
