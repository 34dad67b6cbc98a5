"""``croissant.json`` of a dataset: Croissant 1.0 with the fields of responsible AI, which the Hub's own file lacks.

A record set is one split of one k, and the transcripts are another; mixtures are unions of them. Files are named by
path and SHA-256, relative to the folder. Specifications: http://mlcommons.org/croissant/1.0 and /croissant/RAI/1.0.
"""

import json
from collections.abc import Iterator
from typing import Any

from datasets import Features, List, Value

from cards.dataset_facts import NOT_THEIRS, PAPERS, tell_biases, tell_limits, tell_making, tell_misuse, tell_privacy
from cards.dataset_notes import Notes
from datasets_builder.manifest import Manifest
from datasets_builder.readme import TAGS, TRANSCRIPTS, SplitSource, files_of, splits_of
from datasets_builder.records import FEATURES, TRANSCRIPT_FEATURES

FILE = "croissant.json"
PARQUET = "application/x-parquet"
CONFORMS = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
TYPES = {"string": "sc:Text", "bool": "sc:Boolean", "int32": "sc:Integer", "int64": "sc:Integer"}
TERMS = [
    "citeAs",
    "column",
    "equivalentProperty",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
]
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
} | {term: f"cr:{term}" for term in TERMS}


def dump_croissant(manifest: Manifest, notes: Notes) -> bytes:
    """The file's content: the same manifest and notes give the same bytes."""
    return (json.dumps(make_croissant(manifest, notes), indent=1, ensure_ascii=False) + "\n").encode()


def make_croissant(manifest: Manifest, notes: Notes) -> dict[str, Any]:
    """The description as JSON-LD."""
    newest = notes.releases[0] if notes.releases else None
    url = {"url": f"https://huggingface.co/datasets/{notes.repository}"} if notes.repository else {}
    kept = sum(counted.kept for counted in manifest.counts.values())
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": manifest.name,
        "description": f"{kept:,} short English texts that show k given language skills on a given topic. {NOT_THEIRS}",
        **url,
        "license": [f"https://spdx.org/licenses/{name}.html" for name in manifest.licences],
        "creator": [{"@type": "sc:Organization", "name": name} for name in manifest.contributors or ("dskill-mix",)],
        "keywords": list(TAGS),
        "inLanguage": "en",
        "citeAs": " ".join(PAPERS),
        **({"version": newest.version.removeprefix("v"), "datePublished": newest.date.isoformat()} if newest else {}),
        **_responsibility(manifest, notes),
        "distribution": list(_files(manifest)),
        "recordSet": list(_record_sets(manifest)),
    }


def _responsibility(manifest: Manifest, notes: Notes) -> dict[str, Any]:
    """The RAI fields: how the data came about, what it is not, whom it may concern."""
    plain = manifest.model_dump()
    faults = [f"Known fault: {fault}" for fault in notes.faults]
    rejected = ", ".join(f"{reason} {count:,}" for reason, count in manifest.rejects.items())
    told = {
        "dataCollection": " ".join(tell_making(plain)),
        "dataCollectionType": ["Synthetic"],
        "dataCollectionMissingData": f"Rejected texts are kept apart, with their reason: {rejected or 'none'}.",
        "dataCollectionRawData": f"Every reply of the models is in the record set {TRANSCRIPTS}.",
        "dataPreprocessingProtocol": ["Texts were read from the replies by program; nothing was edited by hand."],
        "dataAnnotationProtocol": f"Prompts {manifest.prompt_version}; column votes has each vote, marks the majority",
        "dataAnnotationPlatform": ["none: programs and language models"],
        "annotationsPerItem": str(manifest.identity.get("votes", 1)),
        "machineAnnotationTools": sorted({manifest.teacher, manifest.grader}),
        "dataBiases": tell_biases(plain),
        "dataLimitations": [*tell_limits(plain), *faults, *(f"Out of scope: {use}" for use in tell_misuse())],
        "dataUseCases": ["Fine-tuning language models to compose language skills, and studies of that."],
        "dataSocialImpact": "Models may get better at writing short persuasive texts.",
        "personalSensitiveInformation": [tell_privacy(plain)],
        "dataReleaseMaintenancePlan": "Releases are tagged; the card has a changelog. Pull requests are welcome.",
    }
    return {f"rai:{name}": content for name, content in told.items()}


def _files(manifest: Manifest) -> Iterator[dict[str, Any]]:
    for name, digest in manifest.files.items():
        yield {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{manifest.sizes[name].bytes} B",
            "encodingFormat": PARQUET,
            "sha256": digest,
        }


def _record_sets(manifest: Manifest) -> Iterator[dict[str, Any]]:
    singles = [name for name, folders in manifest.configs.items() if len(folders) == 1]
    for config in (*singles, TRANSCRIPTS):
        features = TRANSCRIPT_FEATURES if config == TRANSCRIPTS else FEATURES
        for split in splits_of(manifest, config):
            for number, file in enumerate(files_of(manifest, split)):
                yield _record_set(_name(config, split, number), file, features)


def _name(config: str, split: SplitSource, number: int) -> str:
    """A record set reads one file, and nearly always there is one."""
    name = config if config == split.split else f"{config}_{split.split}"
    return f"{name}_{number}" if number else name


def _record_set(name: str, file: str, features: Features) -> dict[str, Any]:
    fields = [_field(f"{name}/{column}", column, kind, file) for column, kind in features.items()]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _field(place: str, column: str, kind: Any, file: str) -> dict[str, Any]:
    """One column, with its fields where it is a list of structs."""
    source = {"fileObject": {"@id": file}, "extract": {"column": column}}
    repeated, inner = isinstance(kind, List), kind
    while isinstance(inner, List):  # of a list of lists, Croissant 1.0 can only say that it is repeated
        inner = inner.feature
    field = {"@type": "cr:Field", "@id": place, "name": place} | ({"repeated": True} if repeated else {})
    if isinstance(inner, Value):
        return field | {"dataType": TYPES[inner.dtype], "source": source}
    parts = [
        {
            "@type": "cr:Field",
            "@id": f"{place}/{name}",
            "name": f"{place}/{name}",
            "dataType": TYPES[part.dtype],
            "source": source | {"transform": {"jsonPath": name}},
        }
        for name, part in inner.items()
    ]
    return field | {"subField": parts}
