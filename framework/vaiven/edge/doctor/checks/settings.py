"""Settings, secrets, flows."""

from collections.abc import Iterator

from vaiven.edge.doctor.facts import SettingsFacts
from vaiven.edge.doctor.findings import Code, Finding, fail, ok, warn


def check_settings(facts: SettingsFacts) -> Iterator[Finding]:
    """What ``bot.yaml`` and the environment say, before anything is asked."""
    for problem in facts.problems:
        yield fail(Code.SETTINGS, problem, "Set it right in bot.yaml; `vaiven check` shows the line.")
    if not facts.problems:
        yield ok(Code.SETTINGS, "every setting can be read")
    yield from _secrets(facts)
    yield from _flows(facts)
    if facts.scheme == "memory":
        told = "the store is memory://: everything is forgotten when the process ends"
        yield fail(Code.STORE_KIND, told, "store: sqlite:////var/lib/vaiven/bot.db, or redis://… for several processes.")
    elif facts.scheme:
        yield ok(Code.STORE_KIND, f"a store that stays ({facts.scheme}), profile {facts.profile or 'unknown'}")


def _secrets(facts: SettingsFacts) -> Iterator[Finding]:
    missing = [variable for variable in facts.variables if not variable.is_set]
    for variable in missing:
        told = f"{variable.name} is not set, or empty ({', '.join(variable.settings)})"
        yield fail(Code.SECRETS, told, f"Set {variable.name} in the environment of the service, and of this command.")
    if facts.variables and not missing:
        yield ok(Code.SECRETS, f"set: {', '.join(variable.name for variable in facts.variables)}")


def _flows(facts: SettingsFacts) -> Iterator[Finding]:
    for line in facts.flow_errors:
        yield fail(Code.FLOWS, line, "`vaiven check` shows what would be right.")
    for line in facts.flow_warnings:
        yield warn(Code.FLOWS, line, "`vaiven check` shows what would be right.")
    if facts.flows and not facts.flow_errors and not facts.flow_warnings:
        yield ok(Code.FLOWS, f"{facts.flows} checked, no problems" if facts.flows > 1 else "one flow checked, no problems")
