"""The miniature: a small world of words in which a program writes and grades SKILL-MIX texts.

    lexicon -> grammar -> verifiers -> grader          does a text show its skills, keep to its topic, make sense
    lexicon -> plan -> devices -> teacher -> corpus    writes texts, as a scripted LLM, and the pre-training text

Standard library only. Texts are words with spaces between them, full stops included.
"""
