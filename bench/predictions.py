"""How the programs that judge labels call `specclip predict`, and what they are told on the command line."""
import argparse
import csv
import io
import subprocess


def parser(description):
    """Options that all of them have; each adds its files."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--tool", default=".build/release/specclip")
    made.add_argument("--model")
    made.add_argument("--output")
    return made


def predict(options, *arguments, strict=True):
    """The rows of the catalogue. With strict, spectra that are refused end the program; else they are left out."""
    command = [options.tool, "predict", *map(str, arguments), "--format", "csv"]
    if options.model:
        command += ["--model", options.model]
    process = subprocess.run(
        command, check=strict, stdout=subprocess.PIPE, stderr=None if strict else subprocess.DEVNULL, text=True)
    return list(csv.DictReader(io.StringIO(process.stdout)))
