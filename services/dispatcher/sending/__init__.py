"""The sender's insides: batches under lease, lanes, the connector's window, and the threads that keep them fed."""
