"""The torture suite: whole runs under every fault, and what must hold all the same."""
