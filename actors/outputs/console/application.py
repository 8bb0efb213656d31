"""The screen as prompt-toolkit's full-screen application, in a thread of its own.

The state belongs to this thread: keys, messages from outside and the size of the terminal make the
next one from the last one.
"""

from __future__ import annotations

import contextlib
import os
import termios
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping

import attrs
import trio
from loguru import logger
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer
from prompt_toolkit.completion import Completion as Suggested
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    VSplit,
    Window,
)
from prompt_toolkit.layout.processors import (
    Processor,
    Transformation,
    TransformationInput,
)
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output import Output as TerminalOutput
from prompt_toolkit.styles import DynamicStyle

from actors.outputs.console import effects, prompts, themes
from actors.outputs.console.body import Body, Look, look
from actors.outputs.console.cells import Row, cut, safe, width
from actors.outputs.console.commands import COMMANDS, unknown_key
from actors.outputs.console.completing import completions
from actors.outputs.console.context import Context
from actors.outputs.console.moving import move
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.saving import as_file
from actors.outputs.console.screen import asks, render, undrawable
from actors.outputs.console.state import Prompt, State
from actors.outputs.console.terminal import Attributes, ask_background, is_light, typed_before
from glancemetrics.errors import sentence
from glancemetrics.history.ask import Ask

REDRAW_SECONDS = 0.05
"""Between two drawings of the screen at least, for answers. Keys are drawn at once."""
_ASIDE_SECONDS = 1.0
"""After which the program stops in any case: a dead terminal must not keep it from that."""
_ESCAPE_SECONDS = 0.05
"""How long the rest of a key's sequence may take after its ESC."""

_GRADED = frozenset({ColorDepth.DEPTH_8_BIT, ColorDepth.DEPTH_24_BIT})

Step = Callable[[State], State]


class ScreenThread:
    """See the module's docstring. `do`, `end`, `suspend` and `resume` are for other threads."""

    def __init__(
        self,
        context: Context,
        *,
        environment: Mapping[str, str],
        theme: str,
        terminal: tuple[Input, TerminalOutput] | None,
        want: Callable[[State, tuple[Ask, ...]], None],
        work: Callable[[effects.Effect, State], None],
    ) -> None:
        """`want` gets the questions of the screen, `work` what keys ask for; from this thread."""
        is_colored = not environment.get("NO_COLOR")
        self._state = State(
            context=attrs.evolve(context, has_colors=is_colored),
            views=VIEWS,
            theme="dark" if theme == themes.AUTO else theme,
        )
        self._environment = environment
        self._is_theme_open = theme == themes.AUTO and is_colored
        self._want, self._work = want, work
        self._wanted: tuple[int, tuple[Ask, ...]] | None = None
        self._missing: frozenset[Ask] = frozenset()
        """Those wanted that have no answer."""
        self._rows: tuple[State, list[Row], tuple[Look, ...]] | None = None
        """The rows of a state, and what can be seen of them."""
        self._drawn: _Drawn | None = None
        """What the last drawing has shown."""
        self._drawn_at = 0.0
        self._is_draw_planned = False
        self._lock = threading.Lock()
        self._begun = self._ending = False
        self._waiting: list[Step] = []
        """What was to be done before the application ran."""
        self._found: Attributes | None = None
        """Of the terminal, before the application set it."""
        self._raw: Attributes | None = None
        """As the application has it."""
        self._prompt = Buffer(
            completer=_Completing(lambda: self._state),
            complete_while_typing=Condition(lambda: self._is_prompting(*prompts.CONDITIONS)),
            multiline=False,
            accept_handler=self._accept,
            on_text_changed=lambda buffer: self._step(
                lambda state: prompts.typed(state, buffer.text)
            ),
        )
        self._application = self._made(terminal)
        is_graded = self._application.color_depth in _GRADED
        self._styles = {
            name: themes.style_of(name, is_colored=is_colored, is_graded=is_graded)
            for name in themes.THEMES
        }

    @property
    def state(self) -> State:
        """The last one, once `run` has ended."""
        return self._state

    def run(self) -> None:
        """Run until `end`. Raises `EOFError` when the terminal's input ends."""
        self._found = self._attributes()
        if self._is_theme_open:
            descriptor = self._descriptor()
            answer = b"" if descriptor is None else ask_background(descriptor)
            if is_light(self._environment, answer):
                self._state = attrs.evolve(self._state, theme="light")
            self._type(typed_before(answer))
        self._application.before_render += lambda _: self._resize()
        self._application.after_render += lambda _: self._note_drawn()
        self._application.run(pre_run=self._begin, handle_sigint=False, set_exception_handler=False)

    def _type(self, typed: str) -> None:
        """Let keys be pressed once the application runs."""
        pressed: list[KeyPress] = []
        parser = Vt100Parser(pressed.append)
        parser.feed_and_flush(typed)
        store_typeahead(self._application.input, pressed)

    def do(self, step: Step) -> None:
        """Make the next state in the application's thread."""
        with self._lock:
            if not self._begun:
                self._waiting.append(step)
                return
        self._call(lambda: self._step(step))

    def end(self) -> None:
        with self._lock:
            self._ending = True
        self._call(self._exit)

    async def suspend(self, stop_program: Callable[[], None]) -> None:
        """Stand aside while the program is stopped; in trio's thread."""
        token = trio.lowlevel.current_trio_token()
        aside, continued = trio.Event(), threading.Event()

        def stand_aside() -> None:
            self._leave_screen()
            with self._application.input.detach():
                self._set(self._found)
                token.run_sync_soon(aside.set)
                continued.wait()
            self._take_back()

        if self._call(stand_aside):
            with trio.move_on_after(_ASIDE_SECONDS):
                await aside.wait()
        try:
            stop_program()
        finally:
            continued.set()

    def resume(self) -> None:
        """Set the terminal and draw all of it, whatever has become of it meanwhile."""
        self._call(self._take_back)

    # The state.

    def _step(self, step: Step) -> None:
        before = self._state
        try:
            state = step(before)
        except Exception as error:  # a fault of ours: the screen stays as it was, and says so
            logger.opt(exception=error).error("a key of the console failed")
            state = before.told(f"this failed: {sentence(error)}")
        found, state = state.effects, attrs.evolve(state, effects=())
        self._state = state
        is_same = attrs.evolve(before, latest=state.latest, answers=state.answers) == state
        if is_same and not found:
            # Answers come one by one: those of a moment are drawn together.
            if state.answers != before.answers:
                self._plan_draw()
            return
        for effect in found:
            self._carry_out(effect)
        self._sync_prompt(before)
        self._draw()

    def _plan_draw(self) -> None:
        """Draw as soon as `REDRAW_SECONDS` have passed since the last drawing."""
        loop = self._application.loop
        if loop is None or self._is_draw_planned:
            return
        self._is_draw_planned = True
        loop.call_at(max(loop.time(), self._drawn_at + REDRAW_SECONDS), self._draw_as_planned)

    def _draw_as_planned(self) -> None:
        self._is_draw_planned = False
        self._draw()

    def _draw(self) -> None:
        """Draw, unless the screen shows it already; then ask, which may depend on answers."""
        if self._drawn != self._to_draw() or self._has_resized():
            self._application.invalidate()
        else:
            self._ask_for(self._state)

    def _to_draw(self) -> _Drawn:
        state = self._state
        return _Drawn(state.theme, state.prompt, self.looks())

    def _note_drawn(self) -> None:
        self._note_raw()
        self._ask_for(self._state)
        self._drawn = self._to_draw()
        if self._application.loop is not None:
            self._drawn_at = self._application.loop.time()

    def _ask_for(self, state: State) -> None:
        try:
            wanted = state.now, asks(state)
        except Exception as error:
            logger.opt(exception=error).error("the console cannot ask for this")
            return
        missing = frozenset(ask for ask in wanted[1] if ask not in state.answers)
        if wanted != self._wanted or missing - self._missing:
            self._wanted = wanted
            self._want(state, wanted[1])
        self._missing = missing

    def _carry_out(self, effect: effects.Effect) -> None:
        match effect:
            case effects.Copy(text):
                # Source: xterm's OSC 52; tmux and screen pass it on where they are set to.
                encoded = b64encode(text.encode()).decode()
                self._application.output.write_raw(f"\x1b]52;c;{encoded}\x1b\\")
                self._application.output.flush()
            case effects.SaveView(path):
                self._work(effects.WriteView(path, self._drawn_for(path)), self._state)
            case _:
                self._work(effect, self._state)

    def _drawn_for(self, path: str) -> str:
        """Return what is on the screen as the text of a file."""
        state = self._state
        if path.endswith(".txt"):  # what colors show elsewhere is drawn in characters
            context = attrs.evolve(state.context, has_colors=False)
            state = attrs.evolve(state, context=context)
        return as_file(path, render(state), state.theme, state.cells)

    # The prompt.

    def _is_prompting(self, *kinds: str) -> bool:
        """Tell whether a prompt is open; of one of these kinds, if any are given."""
        prompt = self._state.prompt
        return prompt is not None and (not kinds or prompt.kind in kinds)

    def _sync_prompt(self, before: State) -> None:
        """Open or close the prompt as the state has it."""
        now = self._state.prompt
        if now is None and before.prompt is not None:
            self._prompt.reset()
            self._application.layout.focus(self._body_window)
        elif now is not None and (before.prompt is None or before.prompt.kind != now.kind):
            self._prompt.set_document(Document(now.text), bypass_readonly=True)
            self._application.layout.focus(self._prompt_window)

    def _accept(self, buffer: Buffer) -> bool:
        text = buffer.text
        self._step(lambda state: prompts.accept(state, text))
        return True  # the text stays: the state says when the prompt is closed

    # The application.

    def _made(self, terminal: tuple[Input, TerminalOutput] | None) -> Application[None]:
        keys, screen = terminal or (None, None)
        self._body_window = Body(
            self.looks, is_covered=self._is_prompting, click=self.click, wheel=self.wheel
        )
        prompting = Condition(self._is_prompting)
        self._prompt_window = Window(
            BufferControl(self._prompt, input_processors=[_Harmless()]), height=1, style=themes.BAR
        )
        label = Window(
            FormattedTextControl(self._label),
            height=1,
            style=f"{themes.BAR} {themes.PROMPT}",
            dont_extend_width=True,
        )
        told = Condition(lambda: bool(self._told_of_prompt()))
        root = FloatContainer(
            HSplit(
                [
                    self._body_window,
                    ConditionalContainer(VSplit([label, self._prompt_window]), filter=prompting),
                    # Below, where the menu of completions does not hide it.
                    ConditionalContainer(
                        Window(FormattedTextControl(self._told_of_prompt), height=1),
                        filter=prompting & told,
                    ),
                ]
            ),
            # Above the prompt: below it stands what is wrong with what is typed.
            floats=[
                Float(
                    ConditionalContainer(CompletionsMenu(max_height=8), filter=is_shown),
                    xcursor=True,
                    bottom=rows_below,
                )
                for rows_below, is_shown in ((1, ~told), (2, told))
            ],
        )
        application: Application[None] = Application(
            layout=Layout(root, focused_element=self._body_window),
            key_bindings=self._bindings(prompting),
            style=DynamicStyle(lambda: self._styles[self._state.theme]),
            full_screen=True,
            # GNU screen 4.9 keeps an Esc back while it reports the mouse, until the next key.
            mouse_support=not self._environment.get("STY"),
            terminal_size_polling_interval=0.5,
            input=keys,
            output=screen,
        )
        application.ttimeoutlen = application.timeoutlen = _ESCAPE_SECONDS
        return application

    def _label(self) -> str:
        prompt = self._state.prompt
        return "" if prompt is None else prompts.label(prompt)

    def _told_of_prompt(self) -> StyleAndTextTuples:
        prompt = self._state.prompt
        if prompt is None:
            return []
        style, text = (
            (themes.WARNING, prompt.problem) if prompt.problem else (themes.DIM, prompt.about)
        )
        return [(style, cut(f" {safe(text)}", self._state.cells))] if text else []

    def _bindings(self, prompting: Condition) -> KeyBindings:
        bound = KeyBindings()
        keys = self._state.context.keys
        for command in COMMANDS:
            for name in keys[command.action.name]:
                bound.add(name, filter=~prompting, eager=True)(self._handler(command.act))
        bound.add(Keys.Any, filter=~prompting)(self._unknown)
        for name in ("escape", "c-c"):
            bound.add(name, filter=prompting, eager=True)(self._handler(prompts.cancel))
        bound.add("c-z", filter=prompting)(lambda _: self._carry_out(effects.StopJob()))
        return bound

    def _handler(self, act: Step) -> Callable[[KeyPressEvent], None]:
        def handle(event: KeyPressEvent) -> None:
            del event
            self._step(lambda state: act(attrs.evolve(state, notice="")))

        return handle

    def _unknown(self, event: KeyPressEvent) -> None:
        key = event.key_sequence[-1].key
        self._step(lambda state: unknown_key(state, str(getattr(key, "value", key))))

    def rows(self) -> list[Row]:
        """Return the rows that are drawn."""
        return self._rendered()[0]

    def looks(self) -> tuple[Look, ...]:
        """Return what can be seen of the rows that are drawn."""
        return self._rendered()[1]

    def _rendered(self) -> tuple[list[Row], tuple[Look, ...]]:
        if self._rows is None or self._rows[0] is not self._state:
            try:
                rows = render(self._state)
            except Exception as error:  # a picture of before would be taken for the present
                logger.opt(exception=error).error("the console cannot draw this")
                rows = undrawable(self._state, sentence(error))
            self._rows = self._state, rows, tuple([look(row) for row in rows])
        return self._rows[1:]

    def click(self, row: int, cell: int) -> None:
        """Do what is at a place of the screen."""
        rows = self.rows()
        if not 0 <= row < len(rows):
            return
        reached = 0
        for fragment in rows[row]:
            reached += width(fragment[1])
            if cell < reached:
                if len(fragment) == 3:
                    self._step(fragment[2])
                return

    def wheel(self, rows: int) -> None:
        self._step(lambda state: move(state, rows))

    def _has_resized(self) -> bool:
        """Whether the size is new; prompt-toolkit misses a resize in its first second."""
        size = self._application.output.get_size()
        return (size.columns, size.rows) != (self._state.cells, self._state.rows)

    def _resize(self) -> None:
        size = self._application.output.get_size()
        if self._has_resized():
            self._state = attrs.evolve(self._state, cells=size.columns, rows=size.rows)

    def _begin(self) -> None:
        with self._lock:
            self._begun = True
            waiting, self._waiting = self._waiting, []
            ending = self._ending
        for step in waiting:
            self._step(step)
        if ending:
            self._exit()

    def _exit(self) -> None:
        if self._application.is_running and not self._application.is_done:
            self._application.exit()

    def _call(self, what: Callable[[], None]) -> bool:
        """Do something in the application's thread; false where that does not run."""
        with self._lock:
            loop = self._application.loop if self._begun else None
        if loop is None or not self._application.is_running:
            return False
        with contextlib.suppress(RuntimeError):  # it has just ended
            loop.call_soon_threadsafe(what)
        return True

    # The terminal.

    def _leave_screen(self) -> None:
        output = self._application.output
        output.reset_attributes()
        output.enable_autowrap()
        self._application.renderer.reset()

    def _take_back(self) -> None:
        if self._application.is_done:
            return
        # In the background this stops the program again, as the system does to `top`.
        self._set(self._raw)
        self._application.renderer.reset()
        self._application.invalidate()

    def _descriptor(self) -> int | None:
        descriptor = self._application.input.fileno()
        return descriptor if os.isatty(descriptor) else None

    def _attributes(self) -> Attributes | None:
        try:
            return termios.tcgetattr(self._application.input.fileno())
        except termios.error:
            return None  # no terminal

    def _set(self, attributes: Attributes | None) -> None:
        if attributes is not None:
            with contextlib.suppress(termios.error):  # it has gone, which reading will tell
                termios.tcsetattr(
                    self._application.input.fileno(), termios.TCSANOW, list(attributes)
                )

    def _note_raw(self) -> None:
        if self._raw is None:
            self._raw = self._attributes()


@attrs.frozen
class _Drawn:
    """All that decides what the screen shows, besides its size."""

    theme: str
    prompt: Prompt | None
    looks: tuple[Look, ...]


class _Harmless(Processor):
    """Shows a question mark for each character that must not reach the terminal.

    What is typed begins with a filter that may have values of a log in it.
    """

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        shown: StyleAndTextTuples = [
            (fragment[0], "".join(one if safe(one) == one else "?" for one in fragment[1]))
            for fragment in transformation_input.fragments
        ]
        return Transformation(shown)


class _Completing(Completer):
    """Completes what is typed in the prompt."""

    def __init__(self, state: Callable[[], State]) -> None:
        self._state = state

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Suggested]:
        state = self._state()
        if state.prompt is None or state.prompt.kind not in prompts.CONDITIONS:
            return
        for one in completions(state, document.text_before_cursor):
            yield Suggested(
                one.text, -one.back, display=safe(one.text), display_meta=safe(one.about)
            )
