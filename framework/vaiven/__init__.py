"""vaiven: two-way conversations over SMS, WhatsApp and Messenger."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaiven.runtime.registry import action as action
    from vaiven.runtime.registry import checks_params as checks_params
    from vaiven.runtime.registry import parser as parser
    from vaiven.runtime.registry import recogniser as recogniser
    from vaiven.runtime.registry import resource as resource

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What a bot's ``actions.py`` imports from here, loaded when it does."""
    if name in ("action", "checks_params", "parser", "recogniser", "resource"):
        from vaiven.runtime import registry

        return getattr(registry, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
