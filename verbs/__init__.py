"""The verbs of the command line: one verb, one function, one package called. Heavy imports happen inside the verb."""
