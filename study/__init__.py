"""One whole experiment: data x training x evaluation, as stages that are done once and resumed."""
