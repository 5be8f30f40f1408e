"""How Sphinx builds the site: ``make docs``. The pages are Markdown; the reference comes from docstrings and from the verbs' help."""

import inspect
import os
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.domains.python._object import PyObject
from sphinx.util.inspect import stringify_signature

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

project = "rga"
html_title = "rga"
smartquotes_action = "qe"  # and no dashes: help says --flag
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "extensions.command_line",
    "extensions.repository_links",
]

exclude_patterns = ["_build", "results/*.md"]  # results/ has the paragraphs of which results.md is made

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_output_stderr = "remove"  # warnings of packages, with paths of the machine

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_use_ivar = True
python_maximum_signature_line_length = 88
add_module_names = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

# kernels of notebooks find this checkout, whatever is installed
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(DOCS.parent / "src"), os.environ.get("PYTHONPATH")]))


def setup(app: Sphinx) -> None:
    """Signatures and the lists of attributes as this project writes them."""
    app.connect("autodoc-process-signature", with_own_signature)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"


def with_own_signature(
    _app: Sphinx, what: str, _name: str, described: object, _options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """The signature of a class's constructor where a base class hides it, and ``...`` for the default of a field that a function makes."""
    if what == "class" and signature == "(*args, **kwargs)":
        constructor = inspect.signature(vars(described)["__init__"])
        signature = stringify_signature(constructor, unqualified_typehints=True).replace("(self, ", "(")
        return signature.removesuffix(" -> None"), returned
    return (signature.replace("<factory>", "...") if signature else signature), returned
