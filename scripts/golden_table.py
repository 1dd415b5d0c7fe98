#!/usr/bin/env python3
"""The table of docs/parity.md from the errors that the golden tests noted: scripts/golden_table.py t.csv"""
import collections
import csv
import sys

groups = collections.defaultdict(list)
for row in csv.reader(open(sys.argv[1])):
    golden, quantity, error = row[0], ",".join(row[1:-1]), float(row[-1])
    kind = "gradients" if quantity.startswith(("grad.", "grad0", "grad_l2")) else "numbers"
    groups[golden, kind].append((error, quantity))
print("| golden file | what | compared | largest error | of |\n|---|---|---|---|---|")
for (golden, kind), found in sorted(groups.items()):
    error, quantity = max(found)
    print(f"| `{golden}` | {kind} | {len(found)} | {error:.1e} | {quantity} |")
