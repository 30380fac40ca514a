"""Translations are published, kept and taken up with their flow."""

from vaiven.flow.document import FlowDocument
from vaiven.flow.hashes import document_hash, shape_hash
from vaiven.flow.load import load_flow
from vaiven.flow.spec import BotSpec
from vaiven.flow.step import FlowSet
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.urns import Urn
from vaiven.runtime.publishing import outlooks, publish
from vaiven.runtime.versions import Versions
from vaiven.stores.memory import MemoryStore
from vaiven.testing.talk import Talk

FLOW = """\
flow: t
lang: en
starts: [{keyword: [go]}]
steps:
  q: {ask: Which?, as: text}
  e: {end: "You said {q}.", outcome: x}
"""
ES = "q.ask: '¿Cuál?'\ne.end: 'Has dicho {q}.'\n"


def load(flow: str, es: str) -> FlowDocument:
    document, problems = load_flow(flow, "t.flow.yaml", {}, translations=[("t.es.yaml", es)])
    assert document is not None, [str(problem) for problem in problems]
    return document


def person(flows: FlowSet) -> Talk:
    return Talk(flows, contact=Contact(Urn("tel:+12025550123"), lang="es"))


async def opened() -> MemoryStore:
    store = MemoryStore()
    await store.open()
    return store


async def test_a_translation_is_kept_with_its_flow() -> None:
    store, document = await opened(), load(FLOW, ES)
    await publish(store, [document], 1)
    (version,) = await store.current()
    again, problems = load_flow(version.source, f"t@{version.hash}", {})
    assert again is not None
    assert problems == []
    assert (document_hash(again), shape_hash(again)) == (version.hash, version.shape)
    assert again.source == version.source


async def test_an_edited_translation_is_a_new_version_of_the_same_shape() -> None:
    store = await opened()
    await publish(store, [load(FLOW, ES)], 1)
    new = load(FLOW, ES.replace("Has dicho", "Dijiste"))
    (look,) = await outlooks(store, [new])
    assert (look.kind, [(change.what, change.how) for change in look.changes]) == ("text", [("step e", "text")])
    (published,) = await publish(store, [new], 2)
    assert published.shape == shape_hash(new)
    assert await publish(store, [new], 3) == []


async def test_a_process_that_serves_takes_it_up() -> None:
    store, old = await opened(), load(FLOW, ES)
    versions = Versions(store, FlowSet.build(BotSpec("b"), [old]))
    await publish(store, [old], 1)
    await versions.renew()
    talk = person(versions.flows)
    assert talk.say("go") == ["¿Cuál?"]
    await publish(store, [load(FLOW, ES.replace("Has dicho", "Dijiste"))], 2)
    assert await versions.renew() == ["t"]
    assert talk.with_flows(versions.flows).say("a") == ["Dijiste a."]


async def test_an_older_shape_speaks_its_languages_too() -> None:
    store, old = await opened(), load(FLOW, ES)
    talk = person(FlowSet.build(BotSpec("b"), [old]))
    talk.say("go")
    new = load(FLOW.replace("as: text", "as: {text: {max: 9}}"), ES)
    await publish(store, [old], 1)
    await publish(store, [new], 2)
    versions = Versions(store, FlowSet.build(BotSpec("b"), [new]))
    state = ContactState(talk.contact, talk.sessions)
    assert not versions.known([state])
    await versions.learn([state])
    assert talk.with_flows(versions.flows).say("a") == ["Has dicho a."]
