"""Every error of ours.

VaivenError
|- SettingsError            settings are missing or wrong; .problems lists all of them
|- FlowError                a flow file does not load; .problems lists all of them
|  |- PublishRefused        a new version would leave people nowhere to go
|- WebhookError             a request at the door; .status is what it is answered with
|  |- SignatureMismatch     403
|  |- Unreadable            signed, but not to be understood: stored as unsupported, answered 200
|- UnsupportedFeature       a channel cannot say this at all
|- StoreError
   |- StoreUnavailable      the store could not answer; the same call again is safe; .retry_after_s
   |- StoreInUse            another process serves from this store
   |- StoreMismatch         the store was made by another version or with other settings
"""

from collections.abc import Collection, Sequence


class VaivenError(Exception):
    """Anything that vaiven raises on purpose."""


class SettingsError(VaivenError):
    """Settings are missing or wrong. ``problems`` has a line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class FlowError(VaivenError):
    """A flow file does not load. ``problems`` has every one, in file order; each prints as a person should read it."""

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class PublishRefused(FlowError):
    """A new version of a flow moves people, and some stand where it has no rule for them. Nothing was published."""


class WebhookError(VaivenError):
    """A request that is refused at the door."""

    status = 400


class SignatureMismatch(WebhookError):
    """The proof of origin is missing or wrong. Its text is for our log, never for the answer."""

    status = 403


class Unreadable(WebhookError):
    """Signed by the provider, and not to be understood. A 4xx would be redelivered for days, so it is answered 200."""

    status = 200


class UnsupportedFeature(VaivenError):
    """The channel cannot say this at all."""


class StoreError(VaivenError):
    """The store refused or failed."""


class StoreUnavailable(StoreError):
    """The store could not answer. Nothing is known to be saved, and the same call again is safe.

    ``partitions``: that holds for these alone; without them the call would be answered. Empty: for all that was asked.
    """

    def __init__(self, text: str, retry_after_s: int = 5, partitions: Collection[int] = ()) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.partitions = frozenset(partitions)


class StoreInUse(StoreError):
    """Another process serves from this store."""


class StoreMismatch(StoreError):
    """The store was made by another version, or with other settings than these."""
