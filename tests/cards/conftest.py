"""A study made up for tests: the figures are invented round numbers and stand for no run of any model."""

from typing import Any

import pytest

from cards.summary import Summary

ARMS = {
    "base": ((), "nothing beyond its pre-training"),
    "(1)": ((1,), "6,000 invented texts of one skill"),
    "(1,2)": ((1, 2), "3,000 invented texts of one skill, 3,000 of two"),
    "(1,2,3)": ((1, 2, 3), "2,000 invented texts each of one, two and three skills"),
}
FULL_MARKS = {
    "train": {
        "base": (90, 30, 2, 0, 0),
        "(1)": (92, 57, 24, 7, 0),
        "(1,2)": (91, 68, 46, 20, 6),
        "(1,2,3)": (92, 68, 48, 15, 3),
    },
    "held-out": {
        "base": (98, 40, 4, 1, 0),
        "(1)": (97, 55, 14, 4, 1),
        "(1,2)": (95, 65, 24, 4, 1),
        "(1,2,3)": (95, 58, 16, 4, 0),
    },
}
HOSTILE = "<script>alert(1)</script> & the keen keel of ![x](http://example.org/x.png) drifts ```because``` Ann waits ."
REQUESTS: list[tuple[str, tuple[str, ...], str]] = [
    ("train", ("simile", "antithesis"), "camping"),
    ("train", ("polysyndeton", "litotes", "hyperbole"), "market"),
    ("held-out", ("causality", "space", "belief"), "library"),
]
TEXTS = [
    "the tent stands like a mirror , not cold but warm , beside this lamp here .",
    "the trader calls and sells and counts for a thousand years , not unkindly . the stall waits .",
    "Tom wrongly thinks that the shelf sleeps because the reader whispers behind the desk .",
]


def _cells() -> list[dict[str, Any]]:
    cells = []
    for split, rows in FULL_MARKS.items():
        for arm, row in rows.items():
            for k, value in enumerate(row, start=1):
                share = value / 100
                cells.append(
                    {
                        "arm": arm,
                        "split": split,
                        "k": k,
                        "n_combinations": 400,
                        "n_texts": 400,
                        "full_marks": share,
                        "low": max(0.0, share - 0.04),
                        "high": min(1.0, share + 0.05),
                        "skills_fraction": (1 + share) / 2,
                        "all_skills": share,
                        "unscored": 0,
                        "shotgun": 0.0 if k > 1 else 0.04,
                    }
                )
    return cells


def _comparisons() -> list[dict[str, Any]]:
    pairs = [(arm, "base") for arm in list(ARMS)[1:]] + [(arm, "(1)") for arm in list(ARMS)[2:]]
    found = []
    for arm, against in pairs:
        for split, rows in FULL_MARKS.items():
            for k in range(1, 6):
                gap = (rows[arm][k - 1] - rows[against][k - 1]) / 100
                found.append(
                    {
                        "arm": arm,
                        "against": against,
                        "split": split,
                        "k": k,
                        "difference": gap,
                        "low": max(-1.0, gap - 0.05),
                        "high": min(1.0, gap + 0.05),
                        "p": 0.001 if abs(gap) > 0.05 else 0.4,
                    }
                )
    return found


def _samples() -> list[dict[str, Any]]:
    samples = []
    for (split, skills, topic), text in zip(REQUESTS, TEXTS, strict=True):
        for i, arm in enumerate(ARMS):
            marks = dict.fromkeys([*skills, "topic", "sense", "length"], True)
            if i < 2:
                marks[skills[-1]] = False
            samples.append(
                {
                    "arm": arm,
                    "split": split,
                    "k": len(skills),
                    "skills": skills,
                    "topic": topic,
                    "text": HOSTILE if (arm, topic) == ("base", "library") else text,
                    "marks": marks,
                    "full_marks": all(marks.values()),
                }
            )
    return samples


@pytest.fixture()
def figures() -> dict[str, Any]:
    """The made-up study as plain data, to be changed by a test."""
    return {
        "study": "made-up",
        "title": "Made-up study for tests",
        "seed": 7,
        "arms": [{"name": name, "ks": ks, "trained_on": line} for name, (ks, line) in ARMS.items()],
        "cells": _cells(),
        "comparisons": _comparisons(),
        "samples": _samples(),
        "data": {
            "generated": 6720,
            "kept": 6000,
            "by_k": [{"k": k, "generated": 2240, "kept": 2000, "mean_words": 8.5 + 3 * k} for k in (1, 2, 3)],
            "rejects": {"skill missing": 310, "off topic": 190, "no sense": 140, "too long": 80},
        },
        "partition": {
            "train_skills": ["antithesis", "hyperbole", "litotes", "polysyndeton", "simile"],
            "held_out_skills": ["belief", "causality", "space"],
            "train_topics": ["sailing", "gardening"],
            "held_out_topics": ["camping", "library", "market"],
        },
        "timings": [
            {"stage": "dataset", "seconds": 4.2, "skipped": False},
            {"stage": "base", "seconds": 81, "skipped": True},
            {"stage": "evaluate", "seconds": 187, "skipped": False},
        ],
        "provenance": {
            "dataset_hash": "0123456789ab",
            "prompt_version": "ba9876543210",
            "recipes": {"made-up.yml": "00ff00ff00ff"},
            "seeds": {"data": 7, "base": 8},
            "versions": {"toolkit": "0.0.0", "axolotl": "0.0.0"},
            "temperature": 0.7,
            "generations": 1,
            "grader": "miniature/scripted",
        },
    }


@pytest.fixture()
def summary(figures: dict[str, Any]) -> Summary:
    """The made-up study, validated."""
    return Summary.model_validate(figures)
