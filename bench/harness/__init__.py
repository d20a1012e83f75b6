"""What all rows share: a place to run in, meters, data by the hundred thousand, clients, the report."""
