"""Price lists as workbooks: read row by row, taken over whole or not at all; written with their history kept."""
