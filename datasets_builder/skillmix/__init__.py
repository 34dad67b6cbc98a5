"""SKILL-MIX(k) itself, in pure Python: no distilabel, no Inspect, no torch. Data filter and evaluation share it."""
