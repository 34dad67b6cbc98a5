"""SKILL-MIX(k) on Inspect: scores checkpoints, and says how sure the scores are."""
