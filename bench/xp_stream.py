#!/usr/bin/env python3
"""Writes N sources of a bulk file of Gaia XP coefficients (CSV) to standard output: the file's stars again and again, each under an id
of its own.

    bench/xp_stream.py ../shared/data/gaia_xp/XP_CONTINUOUS_RAW.csv 1000000 | time specclip prepare --sampled - -o million.fits
"""
import sys


def main():
    lines = open(sys.argv[1]).read().splitlines()
    count, out = int(sys.argv[2]), sys.stdout.buffer
    out.write((lines[0] + "\n").encode())
    rows = [line[line.index(","):].encode() + b"\n" for line in lines[1:]]
    for start in range(0, count, 200):
        out.write(b"".join(str(10**17 + i).encode() + rows[i % len(rows)] for i in range(start, min(count, start + 200))))


if __name__ == "__main__":
    main()
