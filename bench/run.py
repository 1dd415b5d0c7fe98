#!/usr/bin/env python3
"""Times specclip beside the same work in PyTorch, turn by turn on the same machine, and writes bench/results.json.

The first run makes bench/venv (PyTorch as `pip install torch` gives it: about 5 GB) and bench/work (weights of the paper's
size and spectra, read by both sides). Every measurement is a process of its own; the sides alternate, so that a change in
the machine's load falls on both. See bench/README.md for what each name means.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
WORK, VENV = HERE / "work", HERE / "venv"
PYTHON = VENV / "bin" / "python"
PEER = [str(PYTHON), str(HERE / "peer.py")]
REQUIREMENTS = ["torch==2.11.0", "numpy", "scipy", "safetensors"]
NAMES = [
    "prepare", "embed-lrs-1", "embed-lrs-64", "embed-xp-64", "pretrain-lrs-64", "align-1024", "iob-disks-64",
    "iob-disks-epoch", "cold-start", "peak-embed-lrs-64",
]
# Both sides read the same weights and spectra here, so that what they compute must agree.
COMPARABLE = {"prepare", "embed-lrs-1", "embed-lrs-64", "embed-xp-64", "cold-start", "peak-embed-lrs-64"}


def main():
    options = arguments()
    tool = pathlib.Path(options.tool)
    sides = {"peer": PEER, "specclip": [str(tool), "bench"]}
    if options.peer_only:
        del sides["specclip"]
    elif not tool.exists():
        sys.exit(f"bench: {tool} is not there; run: make build")
    prepare_venv()
    prepare_inputs()

    report = {"machine": machine(), "versions": versions(sides), "threads": options.threads, "benchmarks": []}
    names = options.names or NAMES + (["align-1024-recompute"] if options.recompute else [])
    for name in names:
        report["benchmarks"].append(benchmark(name, sides, options))
    report["machine"]["load_after"] = os.getloadavg()
    if options.output:
        write(report, pathlib.Path(options.output))
    return 0 if all(one.get("agree", True) for one in report["benchmarks"]) else 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {' '.join(NAMES)}")
    parser.add_argument("--repeats", type=int, default=3, help="processes per side and benchmark (default 3)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--recompute", action="store_true", help="also time the peer's alignment step with the frozen "
                        "backbones run anew, as the published program does (minutes a step)")
    parser.add_argument("--peer-only", action="store_true")
    parser.add_argument("--tool", default=str(ROOT / ".build/release/specclip"))
    parser.add_argument("--output", default=str(HERE / "results.json"), help="'' prints only")
    return parser.parse_args()


def benchmark(name, sides, options):
    # What the published program does with frozen backbones has no counterpart here: it stands beside the cached step.
    own = {"specclip": "align-1024"} if name == "align-1024-recompute" else {}
    runs = {side: [] for side in sides}
    for _ in range(options.repeats):
        for side, command in sides.items():
            runs[side].append(run([*command, own.get(side, name)], options))
            print(f"  {name:22}{side:10}{runs[side][-1]['value']:12.4g} {runs[side][-1]['unit']}", flush=True)
    unit = runs["peer"][0]["unit"]
    entry = {"name": name, "unit": unit}
    for side, rows in runs.items():
        peak = max(row["peak_mib"] for row in rows)
        entry[side] = {**spread([row["value"] for row in rows]), "peak_mib": round(peak, 1)}
    if "specclip" in runs:
        more_is_better = unit.endswith("/s")
        pairs = zip(runs["specclip"], runs["peer"])
        ratios = [(a["value"] / b["value"]) ** (1 if more_is_better else -1) for a, b in pairs]
        entry["ratio"] = spread(ratios)
        print(f"  {name:22}{'ratio':10}{entry['ratio']['median']:12.3g} (above 1: specclip is ahead)", flush=True)
        entry |= agreement(name, runs)
    return entry


def agreement(name, runs):
    ours, theirs = runs["specclip"][0].get("check"), runs["peer"][0].get("check")
    if name not in COMPARABLE or ours is None or theirs is None:
        return {}
    agree = abs(ours - theirs) <= 1e-4 * abs(theirs)
    if not agree:
        print(f"  {name}: the two sides compute different things ({ours} and {theirs}); the ratio means nothing")
    return {"agree": agree}


def run(command, options):
    """One process: its own figure, or its wall time and peak memory where that is what is asked."""
    arguments = ["--json", "--inputs", str(WORK), "--threads", str(options.threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "MKL_NUM_THREADS": str(options.threads)}
    started = time.perf_counter()
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    rows = [line for line in output.splitlines() if line.startswith("{")]
    if process.returncode != 0 or not rows:
        sys.exit(f"bench: {' '.join([*command, *arguments])} ended with {process.returncode} and no figure")
    row = json.loads(rows[-1])
    # The kernel's own figure for both sides, whatever they say of themselves.
    row["peak_mib"] = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    if row["name"] == "cold-start":
        row["value"], row["unit"] = wall, "s"
    if row["name"].startswith("peak-"):
        row["value"], row["unit"] = row["peak_mib"], "MiB"
    return row


def spread(values):
    digits = lambda value: float(f"{value:.5g}")
    return {
        "minimum": digits(min(values)), "median": digits(statistics.median(values)), "maximum": digits(max(values)),
        "values": [digits(value) for value in values],
    }


def prepare_venv(venv=VENV, requirements=REQUIREMENTS, contents="PyTorch (a download of some 2 GB)"):
    stamp, python = venv / "requirements.txt", str(venv / "bin" / "python")
    wanted = "\n".join(requirements) + "\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Making bench/{venv.name} with {contents} …", flush=True)
    # Debian ships venv without ensurepip: then the outer pip installs into it.
    pip = [python, "-m", "pip"]
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True).returncode != 0:
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv)], check=True)
        pip = [sys.executable, "-m", "pip", "--python", python]
    subprocess.run([*pip, "install", "--quiet", "--disable-pip-version-check", *requirements], check=True)
    stamp.write_text(wanted)


def prepare_inputs():
    if WORK.exists():
        return
    print("Writing weights and spectra for both sides to bench/work …", flush=True)
    partial = WORK.with_name("work.partial")
    shutil.rmtree(partial, ignore_errors=True)
    subprocess.run([*PEER, "inputs", "--inputs", str(partial)], check=True)
    partial.rename(WORK)


def machine():
    facts = {"system": platform.platform(), "cores": os.cpu_count(), "load_before": os.getloadavg()}
    facts["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        fields = {key.strip(): value.strip() for key, value in fields.items()}
        facts["processor"] = fields.get("model name", platform.processor())
        flags = fields.get("flags", "").split()
        facts["vector_features"] = [flag for flag in flags if flag.startswith(("avx", "amx", "fma"))]
    except OSError:
        facts["processor"] = platform.processor()
    return facts


def versions(sides):
    code = "import json,torch,numpy,scipy;print(json.dumps({m.__name__:m.__version__ for m in (torch,numpy,scipy)}))"
    found = json.loads(text([str(PYTHON), "-c", code]))
    found["python"] = platform.python_version()
    if "specclip" in sides:
        found["swift"] = text(["swift", "--version"]).splitlines()[0]
        found["specclip"] = text(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    return found


def text(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()


def output(command):
    """What a program prints; ends with its complaint where it fails."""
    command = [str(part) for part in command]
    # On a busy machine libgomp's waiting threads would take the cores from those that work.
    environment = {"OMP_WAIT_POLICY": "passive", **os.environ}
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    if process.returncode != 0:
        sys.exit(f"failed: {' '.join(command)}\n{process.stderr}")
    return process.stdout


def write(report, path):
    partial = path.with_name(path.name + ".tmp")
    partial.write_text(json.dumps(report, indent=2) + "\n")
    partial.replace(path)
    print(f"Written: {path}")


if __name__ == "__main__":
    sys.exit(main())
