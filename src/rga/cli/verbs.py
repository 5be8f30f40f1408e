"""The command tree: every verb, what does it and what it is for; add a verb here.

This table is all that help and mistyped verbs need, so that they are answered without importing PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """A verb of the command line.

    Attributes:
        home: ``module:function``. The function's parameters become flags; what it returns is the exit code, None for 0.
        about: what the verb does, in one line.
        usage: what follows the verb, in short.
        parses: the function takes the list of what was typed and parses it itself, because its flags depend on a first word.
    """

    home: str
    about: str
    usage: str
    parses: bool = False


VERBS: dict[str, Verb] = {
    "train": Verb("rga.cli.commands.train:main", "train with a recipe", "RECIPE | FILE.json [--data SPEC]", parses=True),
    "resume": Verb("rga.cli.commands.resume:resume", "continue a training that was stopped", "RUN"),
    "evaluate": Verb("rga.cli.commands.evaluate:main", "measure a saved model on a dataset", "MODEL [--data SPEC]", parses=True),
    "calibrate": Verb("rga.cli.commands.calibrate:calibrate", "choose the distance at which strangers are rejected", "MODEL --data SPEC"),
    "embed": Verb("rga.cli.commands.embed:embed", "compute features of images of people", "MODEL IMAGES -o FILE.npz"),
    "search": Verb("rga.cli.commands.search:search", "find images of the same person", "MODEL IMAGES --gallery DIR"),
    "segment": Verb("rga.cli.commands.segment:segment", "write label maps, overlays and confidence of images", "MODEL IMAGES -o DIR"),
    "classify": Verb("rga.cli.commands.classify:classify", "print the most likely classes of images", "MODEL IMAGES [-o FILE.json]"),
    "detect": Verb("rga.cli.commands.detect:detect", "write the objects in images, with boxes and masks", "MODEL IMAGES [-o DIR]"),
    "report": Verb("rga.cli.commands.report:report", "write one page about a run, or several side by side", "RUN [RUN ...] [-o FILE.html]"),
    "explain": Verb("rga.cli.commands.explain:explain", "draw what a model looked at, and a page to explore it", "MODEL IMAGES -o DIR"),
    "export": Verb("rga.cli.commands.export:export", "write a model as a file for other programs", "MODEL [--to onnx] [-o FILE]"),
    "gallery create": Verb(
        "rga.cli.commands.gallery.filling:create", "make a gallery of people, with a database", "GALLERY [--model MODEL]"
    ),
    "gallery add": Verb(
        "rga.cli.commands.gallery.filling:add", "add people from folders, tables and videos", "GALLERY SOURCE [SOURCE ...]"
    ),
    "gallery search": Verb("rga.cli.commands.gallery.searching:search", "who is this, and where and when were they seen", "GALLERY IMAGES"),
    "gallery show": Verb("rga.cli.commands.gallery.searching:show", "show the people of a gallery, or one of them", "GALLERY [PERSON]"),
    "gallery name": Verb("rga.cli.commands.gallery.correcting:name", "name a person", "GALLERY PERSON NAME"),
    "gallery merge": Verb("rga.cli.commands.gallery.correcting:merge", "make several people one", "GALLERY PERSON PERSON [...]"),
    "gallery undo": Verb("rga.cli.commands.gallery.correcting:undo", "undo the last name, merge, split or judgement", "GALLERY"),
    "gallery remove": Verb(
        "rga.cli.commands.gallery.correcting:remove", "remove people or sightings for good, with a receipt", "GALLERY --person PERSON"
    ),
    "gallery expire": Verb("rga.cli.commands.gallery.correcting:expire", "remove for good what is older", "GALLERY --days DAYS"),
    "gallery calibrate": Verb(
        "rga.cli.commands.gallery.keeping:calibrate", "choose the distance at which strangers are unknown", "GALLERY"
    ),
    "gallery export": Verb(
        "rga.cli.commands.gallery.keeping:export", "write a gallery, or all on one person, into a file", "GALLERY -o FILE.zip"
    ),
    "gallery import": Verb("rga.cli.commands.gallery.filling:import_", "make a gallery from such a file", "FILE.zip GALLERY"),
    "gallery stats": Verb("rga.cli.commands.gallery.keeping:stats", "show what a gallery holds", "GALLERY"),
    "gallery doctor": Verb("rga.cli.commands.gallery.keeping:doctor", "look whether all of a gallery is as it should be", "GALLERY"),
    "gallery relocate": Verb("rga.cli.commands.gallery.keeping:relocate", "say where the model of a gallery is now", "GALLERY RUN"),
    "gallery rebuild": Verb(
        "rga.cli.commands.gallery.filling:rebuild", "change the model of a gallery", "GALLERY MODEL SOURCE [SOURCE ...]"
    ),
    "serve": Verb("rga.cli.commands.serve:serve", "open a page and an API to search a gallery", "GALLERY [--host HOST] [--port PORT]"),
    "data check": Verb("rga.cli.commands.data:check", "check a dataset before training on it", "SPEC"),
    "data classes": Verb("rga.cli.commands.data:classes", "propose a table of classes from masks", "FOLDER [-o FILE.csv]"),
    "data make people": Verb("rga.cli.commands.data:make_people", "generate people, in the layout of Market-1501", "DIR"),
    "data make album": Verb("rga.cli.commands.data:make_album", "generate a few images of a few people, in folders", "DIR"),
    "data make walks": Verb("rga.cli.commands.data:make_walks", "generate people who walk, as folders of tracklets", "DIR"),
    "data make fruit": Verb("rga.cli.commands.data:make_fruit", "generate fruit, in folders of classes", "DIR"),
    "data make streets": Verb("rga.cli.commands.data:make_streets", "generate street scenes, in the layout of Cityscapes or COCO", "DIR"),
    "data list": Verb("rga.cli.commands.data:list_all", "list all datasets and the options of their readers", ""),
    "cost": Verb("rga.cli.commands.cost:cost", "count parameters and multiply-accumulates, plain and with attention", "[BACKBONE]"),
    "gates": Verb("rga.cli.commands.gates:gates", "draw the gates of an untrained network on a generated image", "[-o FILE.png]"),
    "demo": Verb(
        "rga.cli.commands.demo:reid", "generate data, train networks and write a report, in minutes", "[reid | segmentation | gallery]"
    ),
    "demo reid": Verb("rga.cli.commands.demo:reid", "demo of re-identification; the same as rga demo", ""),
    "demo segmentation": Verb("rga.cli.commands.demo:segmentation", "demo of segmentation", ""),
    "demo gallery": Verb("rga.cli.commands.demo:gallery", "demo of galleries: people are enrolled and looked for, on a page", ""),
    "reproduce": Verb("rga.cli.commands.reproduce:main", "run the tables of the paper, and our own, at one of three scales", "TABLE"),
    "doctor": Verb("rga.cli.commands.doctor:doctor", "report what this installation and this machine can do", ""),
    "completion": Verb("rga.cli.commands.completion:completion", "print a script that completes commands in your shell", "bash | zsh"),
}
"""Every verb; the everyday ones first."""
