"""Studies: arms, replicates, and an effect with its error."""
