"""Neural speech synthesisers and an independent recogniser; all of them optional."""
