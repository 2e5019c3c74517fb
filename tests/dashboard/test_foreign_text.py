"""No text that a model or a user may have written reaches a place where Streamlit reads Markdown, but by the door."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import helios_core.views
from dashboard import formats

DASHBOARD = Path(__file__).parents[2] / "dashboard"
SOURCES = sorted(DASHBOARD.rglob("*.py"))
SCRIPTS = sorted((DASHBOARD / "components" / "assets").glob("*.js"))

SINKS = {
    "markdown", "write", "write_stream", "caption", "title", "header", "subheader", "badge", "error", "warning", "info",
    "success", "toast", "metric", "button", "download_button", "link_button", "page_link", "checkbox", "toggle",
    "radio", "pills", "segmented_control", "selectbox", "multiselect", "select_slider", "slider", "number_input",
    "text_input", "text_area", "date_input", "time_input", "file_uploader", "tabs", "expander", "popover", "status",
    "spinner", "progress", "form_submit_button", "dialog", "menu_button", "card", "section",
}  # fmt: skip
"""Functions whose texts are Markdown: Streamlit's, and those of ours that hand texts on to them."""
SHOWN_ARGUMENTS = {"label", "body", "help", "title", "note", "caption", "captions", "options", "text", "delta"}
OPTIONS_AS_TEXT = {"selectbox", "multiselect", "select_slider"}
FORBIDDEN = {"html", "iframe", "table", "unsafe_allow_html", "MarkdownColumn", "ImageColumn", "mermaid_chart", "latex"}
KNOWN_FIELDS = {
    "action", "assigned_llm_provider", "data_class", "health", "host", "key", "kind", "model_provider", "outcome",
    "page", "phase", "role", "scope", "severity", "source", "state", "status", "version", "word",
}  # fmt: skip
"""Fields of views that hold words of ours: the database, or the code, lists which there are."""
FOREIGN_FORMATS = {"title", "words", "initials"}
"""What dashboard.formats makes of names is as foreign as the names are."""
DOOR = {
    "plain", "structured", "message", "len", "sign", "face_colour", "int", "float", "round",
    *(name for name, _ in inspect.getmembers(formats, inspect.isfunction) if name not in FOREIGN_FORMATS),
}  # fmt: skip
SCRIPT_SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc"
    r"|\beval\(|new Function|setAttribute\(\"on|https?://(?!www\.w3\.org)"
)


def foreign_fields() -> set[str]:
    """The names of all fields of all views that hold text, but for those that hold words of ours."""
    names = [module.name for module in pkgutil.iter_modules(helios_core.views.__path__)]
    modules = [importlib.import_module(f"helios_core.views.{name}") for name in names]
    views = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type) and is_dataclass(cls)}
    return {field.name for view in views for field in fields(view) if holds_text(str(field.type))} - KNOWN_FIELDS


def holds_text(annotation: str) -> bool:
    """Whether a field of this type holds text; the keys of a mapping are words of ours."""
    return bool(re.search(r"\b(str|Any)\b", re.sub(r"(Mapping|dict)\[(str|tuple\[[^]]*\]), ", "[", annotation)))


class Taint:
    """Follows foreign text through one function: from the fields of views to whatever is made of them."""

    def __init__(self, scope: ast.AST, foreign: set[str], functions: set[str], closed: set[str]) -> None:
        self._foreign = foreign
        self._closed = closed
        self._names = set(functions)
        known = -1
        while known < len(self._names):
            known = len(self._names)
            for node in ast.walk(scope):
                self._follow(node)

    def _follow(self, node: ast.AST) -> None:
        match node:
            case ast.Assign() if self.of(node.value):
                self._names |= {name for target in node.targets for name in names_in(target)}
            case ast.For() | ast.comprehension() if self.of(node.iter):
                self._names |= names_in(node.target)

    def of(self, node: ast.AST | None) -> bool:  # noqa: PLR0911 - one answer for each kind of expression
        """Whether foreign text can be in the value of `node`."""
        match node:
            case None | ast.Compare():
                return False
            case ast.Call() if called(node) in DOOR or called(node) in self._closed:
                return called(node) in self._names
            case ast.Call(func=ast.Attribute(value=value)):
                return any(map(self.of, (value, *node.args, *node.keywords)))
            case ast.Attribute():
                return node.attr in self._foreign or node.attr in self._names
            case ast.Name():
                return node.id in self._names
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp():
                return self.of(node.elt)
            case ast.Subscript():
                return self.of(node.value)
            case ast.IfExp():
                return self.of(node.body) or self.of(node.orelse)
        return any(map(self.of, ast.iter_child_nodes(node)))


def names_in(target: ast.AST) -> set[str]:
    """The names that an assignment or a loop binds."""
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def called(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def shown(tree: ast.AST) -> Iterator[ast.expr]:
    """The texts that a module shows as Markdown."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or called(node) not in SINKS or ast.unparse(node.func).startswith("formats."):
            continue
        formats_options = any(keyword.arg == "format_func" for keyword in node.keywords)
        as_text = 1 if called(node) in OPTIONS_AS_TEXT or formats_options else 3
        yield from node.args[:as_text]
        for keyword in node.keywords:
            if keyword.arg in SHOWN_ARGUMENTS and not (keyword.arg == "options" and as_text == 1):
                yield keyword.value
            elif keyword.arg == "format_func" and called(node) not in OPTIONS_AS_TEXT:
                yield keyword.value.body if isinstance(keyword.value, ast.Lambda) else keyword.value


def leaks(source: str) -> list[str]:
    """The foreign texts that a module shows as Markdown."""
    scopes = scopes_of(ast.parse(source))
    foreign = foreign_fields()
    functions: set[str] = set()
    closed = {scope.name for scope in scopes if isinstance(scope, ast.FunctionDef) and uses_the_door(scope)}
    known = -1
    while known < len(functions):
        known = len(functions)
        taints = [(scope, Taint(scope, foreign, functions, closed)) for scope in scopes]
        functions |= {
            scope.name
            for scope, taint in taints
            if isinstance(scope, ast.FunctionDef)
            and any(taint.of(node.value) for node in ast.walk(scope) if isinstance(node, ast.Return))
        }
    return [
        f"line {text.lineno}: {ast.unparse(text)}" for scope, taint in taints for text in shown(scope) if taint.of(text)
    ]


def uses_the_door(function: ast.FunctionDef) -> bool:
    """Whether a function escapes what it is given."""
    return any(isinstance(node, ast.Call) and called(node) in DOOR for node in ast.walk(function))


def scopes_of(tree: ast.Module) -> list[ast.AST]:
    """The functions of a module, and what stands outside of them."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    rest = ast.Module([node for node in tree.body if node not in functions], [])
    return [rest, *functions]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(DASHBOARD).as_posix())
def test_a_module_shows_foreign_text_only_through_the_door(path: Path) -> None:
    assert leaks(path.read_text()) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(DASHBOARD).as_posix())
def test_a_module_uses_nothing_that_shows_html(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = {getattr(node, "attr", None) or getattr(node, "arg", None) for node in ast.walk(tree)}
    assert not names & FORBIDDEN


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_component_sets_no_html_and_fetches_nothing(path: Path) -> None:
    assert SCRIPT_SINKS.findall(path.read_text()) == []


def test_the_fields_of_views_that_hold_foreign_text_are_found() -> None:
    assert {"title", "task", "name", "content", "error_message", "requirements", "detail"} <= foreign_fields()


@pytest.mark.parametrize(
    "leak",
    [
        "st.markdown(agent.name)",
        "st.markdown(f'**{agent.name}**')",
        "st.metric('Quality', 3, talk.title)",
        "st.button('Open', help=agent.description)",
        "st.radio('Which', [agent.name for agent in agents])",
        "st.radio('Which', ids, format_func=lambda key: agents[key].name)",
        "surface.caption(' · '.join(task.requirements))",
        "name = agent.name or 'nobody'\nst.caption(name)",
        "for word in agent.capabilities:\n    st.badge(word)",
        "def name(agent):\n    return agent.name\nst.caption(name(agent))",
        "def bold(text):\n    return f'**{text}**'\nst.caption(bold(agent.name))",
        "st.markdown(formats.words(agent.name))",
        "card('key', agent.name)",
    ],
)
def test_the_test_finds_a_leak(leak: str) -> None:
    assert len(leaks(leak)) == 1


@pytest.mark.parametrize(
    "fine",
    [
        "st.markdown('**ours**')",
        "st.markdown(f'**{plain(agent.name)}** {formats.duration(agent.seconds)} {number:,}')",
        "note = plain(agent.description) if agent.name else 'none'\nst.caption(note)",
        "def bold(text):\n    return f'**{plain(text)}**'\nst.caption(bold(agent.name))",
        "st.text_input('Name', value=agent.name)",
        "st.selectbox('Agent', [agent.name for agent in agents])",
        "st.pills('Agent', [agent.name for agent in agents], format_func=lambda name: plain(name))",
        "st.caption(' · '.join(plain(part) for part in task.requirements))",
        "st.markdown(f'{len(agent.capabilities)} capabilities, version {agent.version}')",
    ],
)
def test_the_test_lets_our_own_words_through(fine: str) -> None:
    assert leaks(fine) == []
