"""What a dataset is not, and how it came about, in sentences: the card shows them, croissant.json repeats them."""

from collections.abc import Mapping
from typing import Any

from cards.templating import number

Manifest = Mapping[str, Any]

PAPERS = (
    "Haoyu Zhao, Simran Kaur, Dingli Yu, Anirudh Goyal, Sanjeev Arora: Can Models Learn Skill Composition from "
    "Examples? 2024. https://arxiv.org/abs/2409.19808",
    "Dingli Yu, Simran Kaur, Arushi Gupta, Jonah Brown-Cohen, Anirudh Goyal, Sanjeev Arora: Skill-Mix: a Flexible and "
    "Expandable Family of Evaluations for AI Models. 2023. https://arxiv.org/abs/2310.17567",
)
NOT_THEIRS = (
    "This is not the authors' release: no dataset of theirs is public, nor are their full lists of skills and topics. "
    "Skills, examples and prompts here have their own wording, and the authors have not endorsed any of it."
)


def is_scripted(manifest: Manifest) -> bool:
    """Whether a program of the miniature wrote the texts."""
    return str(manifest["teacher"]).startswith("scripted/")


def tell_making(manifest: Manifest) -> list[str]:
    """How the texts were made, a step a sentence."""
    about = manifest["identity"]
    limit = "A text of k skills may have max(1, k - 1) sentences."
    revised = " and was then asked to revise it" if about.get("revise") else ""
    checks = ["empty", "too long", "seen before"]
    checks += ["too like another text"] if about.get("near_duplicates.threshold") else []
    checks += ["met by an evaluation"] if about.get("decontaminate") else []
    named = ", and those that name one of their skills" if about.get("reject_named", True) else ""
    votes = about.get("votes", 1)
    majority = f", by the majority of {votes} votes" if votes > 1 else ""
    return [
        f"Combinations of k skills and a topic were drawn without repeats from the catalogue {about['catalogue']} "
        f"(seed {manifest['seed']}).",
        f"The teacher, {manifest['teacher']}, wrote a text for each combination{revised}. {limit}",
        f"A program rejected texts that are {', '.join(checks[:-1])} or {checks[-1]}{named}.",
        f"The grader, {manifest['grader']}, marked k + 3 criteria{majority}: each skill, the topic, sense, and length. "
        "Only texts with full marks, all k + 3, were kept.",
    ]


def tell_biases(manifest: Manifest) -> list[str]:
    """Whose habits the texts carry."""
    if is_scripted(manifest):
        return [
            "One program wrote every text, from some 440 words and one grammar; another decides each skill by a rule. "
            "A text can meet the rule and still be a poor example of the skill.",
            "The topics are a handful of plain scenes; nothing about people or the world can be learnt from them.",
        ]
    return [
        f"All texts carry the habits of one teacher, {manifest['teacher']}: its favourite words, its views, its idea "
        "of what is ordinary.",
        f"The filter is an LLM, {manifest['grader']}: what it overlooks is in the data, and what it dislikes is not. "
        "Texts that are easy to recognise as an example of a skill pass more often than subtle ones.",
        "Skills that are hard to show together are rarer here than in the draw; the yield of each skill is told above.",
    ]


def tell_limits(manifest: Manifest) -> list[str]:
    """What the texts are not good for, whoever wrote them."""
    scripted = "What is learnt from a scripted world says nothing about models of 7 to 13 billion parameters."
    return [
        "The texts are synthetic. A mark is a grader's verdict, not a human's.",
        "They are short, a few sentences at most, and English.",
        "A text may show skills beyond those that it was asked for; their names are not in the row.",
        "A text that names a topic is no source of facts on it.",
        *([scripted] if is_scripted(manifest) else []),
    ]


def tell_misuse() -> list[str]:
    """Uses that are out of scope."""
    return [
        "Reporting SKILL-MIX scores on these combinations: they are training data. Draw an evaluation with `--exclude` "
        "of this folder.",
        "Teaching facts, advice or style; judging people by the skills that their writing shows.",
        "Calling a model's gain on this data a gain in reasoning, or in an agent's skills.",
    ]


def tell_privacy(manifest: Manifest) -> str:
    """What is known of personal data in it."""
    people = {name: rows for name, rows in manifest["contributors"].items() if name != "dskill-mix"}
    names = (
        f" {number(len(people))} contributors are named in the column contributor, as they signed." if people else ""
    )
    if is_scripted(manifest):
        return f"There is none: the texts are made of a fixed list of words, persons have first names alone.{names}"
    return (
        "None was collected. A language model may still have written the name of a real person; nobody has looked for "
        f"that by hand.{names}"
    )
