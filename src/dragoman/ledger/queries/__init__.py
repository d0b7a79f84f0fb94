"""What is asked of the ledger. Each question is of one organisation; None is for operators: all."""
