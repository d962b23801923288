"""The first run on a computer: everything the program does is tried, measured and put into one report.

Each step is `passed`, `failed` or `skipped`, with a reason. What computes does so in processes of its own with
deadlines, so that a crash or a hang of one step is a line of the report and not its end.
"""
