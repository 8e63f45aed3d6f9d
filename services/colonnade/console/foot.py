"""The foot of a dialog: what was refused, the buttons that ask, and the way back."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from colonnade.console.visit import Visit, inline

Do = Callable[[], Awaitable[None]]


def foot(visit: Visit, opened: ui.dialog, *acts: tuple[str, Do, str], back: str = "Cancel") -> None:
    """``acts``: labels, what is done, and properties of the button; ``back``: the label of the way back."""
    refusal = ui.element("div")
    with ui.element("div").classes("line"):
        for label, act, props in acts:
            asking(visit, refusal, label, act, over=lambda: not opened.value).props(props)
        ui.button(back, on_click=opened.close).props("outline")


def asking(
    visit: Visit, refusal: ui.element, label: str, act: Do, over: Callable[[], bool] = lambda: False
) -> ui.button:
    """A button that is off while what it asks for is done, and for good once that is ``over``: the second
    half of a double click may come late. A refusal is told in ``refusal``."""

    async def go() -> None:
        refusal.clear()
        try:
            with refusal:
                async with visit.acting(inline):
                    await act()
        finally:
            button.set_enabled(not over())

    def clicked() -> Awaitable[None]:
        """Off before anything is awaited: the second half of a double click finds it so."""
        button.disable()
        return go()

    button = ui.button(label, on_click=clicked)
    return button
