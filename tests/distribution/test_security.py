"""What SECURITY.md says of the source is so."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNSAFE = {"pickle.load", "pickle.loads", "pickle.Unpickler", "eval", "exec", "os.system", "yaml.load", "marshal.loads", "joblib.load"}


def calls() -> list[tuple[str, ast.Call]]:
    """Every call in the source: the name of what is called, and the call."""
    texts = (path.read_text() for path in (ROOT / "src" / "rga").rglob("*.py"))
    trees = (ast.parse(text) for text in texts if re.search(r"(load|loads|Unpickler|eval|exec|system|load_state_dict_from_url)\(", text))
    return [(dotted(node.func), node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


def dotted(node: ast.expr) -> str:
    """A name with its modules, such as ``torch.load``; empty for what is computed."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def keyword(call: ast.Call, name: str) -> object:
    """A constant that a call is given by name; None if it is not."""
    return next((each.value.value for each in call.keywords if each.arg == name and isinstance(each.value, ast.Constant)), None)


def test_no_file_of_others_is_executed() -> None:
    found = calls()
    assert {name for name, _ in found} & UNSAFE == set()
    loads = [call for name, call in found if name in ("torch.load", "torch.hub.load_state_dict_from_url")]
    assert len(loads) >= 3
    assert all(keyword(call, "weights_only") is True for call in loads)
    assert not any(keyword(call, "allow_pickle") for _, call in found)
    assert "weights_only=True" in (ROOT / "SECURITY.md").read_text()
