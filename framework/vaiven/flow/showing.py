"""Files and approved templates, as a step sends them."""

from collections.abc import Sequence

from vaiven.flow.document import MediaSpec, TemplateSpec
from vaiven.flow.draft import Draft
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.requests import text_of, url_of
from vaiven.flow.texts import Saying, failed_text
from vaiven.model.messages import Media, TemplateMessage

_MIMES = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg", "sticker": "image/webp"}
_ENDINGS = {
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "ogg": "audio/ogg",
    "amr": "audio/amr",
    "aac": "audio/aac",
    "3gp": "video/3gpp",
    "pdf": "application/pdf",
}


class Showing:
    """A ``say`` with files, which go with its last part, or with a template, which goes instead where the channel has them."""

    __slots__ = ("_media", "_said", "_template")

    def __init__(self, said: Saying, media: Sequence[MediaSpec], template: TemplateSpec | None) -> None:
        self._said = said
        self._media = tuple(media)
        self._template = template

    def say(self, draft: Draft) -> None:
        message_class = self._said.message_class
        try:
            media = tuple(_file(spec, draft) for spec in self._media)
            template = None if self._template is None else filled(self._template, draft)
        except ExpressionError:
            draft.send(failed_text(draft), message_class)
            return
        *texts, last = self._said.messages(draft) or [""]
        for text in texts:
            draft.send(text, message_class)
        draft.send_file(last, message_class, media, template)


def _file(spec: MediaSpec, draft: Draft) -> Media:
    only = len(spec.url.pieces) == 1 and not isinstance(spec.url.pieces[0], str)
    # A whole address that an answer gave is taken as it is: the provider fetches it, not we.
    url = text_of(spec.url, draft.scope) if only else url_of(spec.url, draft.scope)
    if not url.startswith("https://") or any(character <= " " for character in url):
        raise ExpressionError("a file has an address that begins with https://")
    name = None if spec.name is None else spec.name.render(draft.scope, draft.locale)
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    mime = _ENDINGS.get(ending, "")
    if spec.kind not in ("document", "sticker") and mime.partition("/")[0] != spec.kind:
        mime = ""
    return Media(mime or _MIMES.get(spec.kind, "application/octet-stream"), url, name=name)


def filled(spec: TemplateSpec, draft: Draft) -> TemplateMessage:
    """Raises ExpressionError."""
    scope, locale = draft.scope, draft.locale
    return TemplateMessage(
        name=spec.name,
        lang=spec.lang or locale.lang,
        values=tuple(template.render(scope, locale) for template in spec.values),
        payloads=tuple(template.render(scope, locale) for template in spec.payloads),
    )
