"""What screening decided, the policies that it goes by, bias, and what people said of answers."""

from collections.abc import Callable
from typing import Protocol

from nicegui import ui

from colonnade.console.ethics_bias import Bias
from colonnade.console.ethics_blocked import Blocked
from colonnade.console.ethics_feedback import Said
from colonnade.console.ethics_policies import Policies
from colonnade.console.ethics_policy import build_policy
from colonnade.console.places import Place
from colonnade.console.visit import Visit


class _Tab(Protocol):
    def draw(self) -> None: ...

    async def refresh(self) -> None: ...


_TABS: dict[str, tuple[str, str, Callable[[Visit], _Tab]]] = {
    "Blocked": ("GET /screening/decisions", "Seeing decisions", Blocked),
    "Policies": ("GET /screening/policies", "Seeing policies", Policies),
    "Bias": ("GET /bias/reports", "Seeing reports of bias", Bias),
    "Feedback": ("GET /feedback", "Giving feedback", Said),
}


async def build(visit: Visit) -> None:
    """Opens at the first tab that one may see; what one may not says which role it takes."""
    shown: dict[str, _Tab] = {}
    open_to = [name for name, (route, act, _) in _TABS.items() if not visit.why_not(route, act)]
    asked = visit.request.query_params.get("tab", "")
    first = asked if asked in open_to else next(iter(open_to), next(iter(_TABS)))

    async def refresh() -> None:
        if (tab := shown.get(str(tabs.value))) is not None:
            await tab.refresh()

    with ui.tabs().props("dense no-caps align=left") as tabs:
        for name in _TABS:
            ui.tab(name)
    with ui.tab_panels(tabs, value=first, animated=False):
        for name, (route, act, kind) in _TABS.items():
            with ui.tab_panel(name):
                if visit.admits(route, act):
                    shown[name] = kind(visit)
                    shown[name].draw()
    tabs.on_value_change(refresh)
    await refresh()


PLACE = Place("/ethics", "Ethics", 90, build, below={"/ethics/policy": build_policy})
