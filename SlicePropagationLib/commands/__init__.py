"""The command line: the only room that knows argparse; each command makes a request of what was typed."""
