"""The bot's own words in the languages that we know, and which of them a bot says.

HELP, STOP and START stand in them as they are: carriers take these words in English everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

from vaiven.flow.spec import BotSpec, Words
from vaiven.flow.tongues import Tongues, base

BUILT_IN: Mapping[str, Words] = {
    "en": Words(),
    "es": Words(
        help="Escribe HELP para ver la ayuda o STOP para darte de baja.",
        stopped="Te has dado de baja. Escribe START para volver.",
        started="Hola de nuevo.",
        error="Algo ha fallado. Prueba otra vez en un minuto.",
        stale="Ese botón es de una pregunta anterior.",
        which="¿A cuál te refieres?",
        unread="Perdona, aquí solo puedo leer texto.",
        choose="Elegir",
        busy="Un momento, por favor.",
        switched="Ahora hablamos en español.",
    ),
    "fr": Words(
        help="Envoyez HELP pour obtenir de l'aide, STOP pour vous désabonner.",
        stopped="Vous êtes désabonné. Envoyez START pour revenir.",
        started="Heureux de vous revoir.",
        error="Un problème est survenu. Réessayez dans une minute.",
        stale="Ce bouton appartient à une question précédente.",
        which="Lequel voulez-vous dire ?",
        unread="Désolé, je ne lis que du texte ici.",
        choose="Choisir",
        busy="Un instant, s'il vous plaît.",
        switched="Nous parlons maintenant français.",
    ),
    "de": Words(
        help="HELP zeigt die Hilfe, STOP meldet dich ab.",
        stopped="Du bist abgemeldet. Mit START kommst du zurück.",
        started="Willkommen zurück.",
        error="Hier ist etwas schiefgegangen. Versuch es in einer Minute noch einmal.",
        stale="Dieser Knopf gehört zu einer früheren Frage.",
        which="Was davon meinst du?",
        unread="Ich kann hier leider nur Text lesen.",
        choose="Auswählen",
        busy="Einen Moment bitte.",
        switched="Ab jetzt sprechen wir Deutsch.",
    ),
    "pt": Words(
        help="Escreva HELP para ver a ajuda ou STOP para sair.",
        stopped="Você saiu da lista. Escreva START para voltar.",
        started="Que bom ter você de volta.",
        error="Algo deu errado. Tente outra vez em um minuto.",
        stale="Esse botão é de uma pergunta anterior.",
        which="Qual deles você quer dizer?",
        unread="Desculpe, aqui só consigo ler texto.",
        choose="Escolher",
        busy="Um momento, por favor.",
        switched="Agora falamos em português.",
    ),
    "it": Words(
        help="Scrivi HELP per ricevere aiuto, STOP per cancellarti.",
        stopped="Ti sei cancellato. Scrivi START per tornare.",
        started="Bentornato.",
        error="Qualcosa non ha funzionato. Riprova tra un minuto.",
        stale="Quel pulsante è di una domanda precedente.",
        which="Quale intendi?",
        unread="Mi dispiace, qui posso leggere solo testo.",
        choose="Scegli",
        busy="Un momento, per favore.",
        switched="Ora parliamo in italiano.",
    ),
}


def built_in(lang: str) -> Words:
    """Our words in a language, in English where we do not know it."""
    return BUILT_IN.get(base(lang), BUILT_IN["en"])


def words_of(spec: BotSpec, langs: Iterable[str]) -> Tongues[Words]:
    """The bot's words in each of these languages, its own besides.

    A text that the bot gives for itself and not in a language is said as it gives it, not in words of ours: the name of who
    speaks may be in it.
    """
    ours, plain = asdict(built_in(spec.lang)), asdict(BUILT_IN["en"])
    given = {name: text for name, text in asdict(spec.words).items() if text not in (ours[name], plain[name])}
    wanted = {*langs, *spec.words_by_lang, *spec.languages} - {spec.lang}
    found = {lang: replace(built_in(lang), **{**given, **spec.words_by_lang.get(lang, {})}) for lang in wanted}
    return Tongues(spec.words, found | {spec.lang: spec.words})
