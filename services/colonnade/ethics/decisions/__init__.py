"""What was decided, on record without the text; and, where it is wanted, a sample of what was screened."""
