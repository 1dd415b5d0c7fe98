#!/usr/bin/env python3
"""Checkpoints between PyTorch and specclip, both ways, checked with PyTorch itself.

    bench/venv/bin/python bench/checkpoints.py [--tool .build/release/specclip]

(bench/run.py makes the venv; any Python with torch and numpy does.) A clip-pr model of the paper's size with random weights
is saved as PyTorch Lightning saves it, the encoder modules pickled in its hyper-parameters; `specclip convert` reads it
(time and peak memory are printed), embeds a spectrum as PyTorch does, and writes a checkpoint that
torch.load(weights_only=True) must find equal to the last bit. Small files with half precision, shared storages and strided
views follow. Ends with status 1 at the first difference.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import models

ROOT = pathlib.Path(__file__).resolve().parent.parent


class CrossAttention(nn.Module):
    def __init__(self, width, features, heads):
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, width))
        self.multihead_attn = nn.MultiheadAttention(width, heads, kdim=features, vdim=features, batch_first=True)
        self.layernorm = nn.LayerNorm(width)

    def forward(self, tokens):
        query = self.query.expand(tokens.shape[0], -1, -1)
        return self.layernorm(self.multihead_attn(query, tokens, tokens, need_weights=False)[0]).squeeze(1)


class TokenEncoder(nn.Module):
    """Backbone and head of LAMOST LRS, under the published names."""

    def __init__(self, width=768, heads=4):
        super().__init__()
        self.backbone = models.MaskedTransformer()
        for block in self.backbone.blocks:
            block.attention.num_heads = block.attention.heads
        self.backbone._hparams = {"slice_overlap": 10, "mask_num_chunks": 6, "mask_chunk_width": 10, "dropout": 0.0}
        self.cross_attention = CrossAttention(width, width, heads)
        self.mlp = models.Residual(width)

    def forward(self, flux):
        return self.mlp(self.cross_attention(self.backbone(flux)))


class LatentEncoder(nn.Module):
    """Backbone and head of Gaia XP, under the published names."""

    def __init__(self, width=768, hidden=1160):
        super().__init__()
        self.backbone = models.AutoEncoder()
        self.projection = nn.Linear(width, width)
        self.feature_mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, width), nn.LayerNorm(width))
        self.mlp = models.Residual(width)

    def forward(self, flux):
        return self.mlp(self.feature_mlp(self.projection(self.backbone(flux))))


class Decoder(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.decoder = models.decoder(widths)


class SpecCLIP(nn.Module):
    def __init__(self):
        super().__init__()
        self.gaia_xp_encoder, self.lamost_lrs_encoder = LatentEncoder(), TokenEncoder()
        self.gaia_xp_decoder, self.gaia_xp_cross_decoder = (Decoder([768, 3072, 1536, 768, 343]) for _ in range(2))
        self.lamost_lrs_decoder, self.lamost_lrs_cross_decoder = (
            Decoder([768, 3072, 3072, 3072, 1462]) for _ in range(2))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=str(ROOT / ".build/release/specclip"))
    options = parser.parse_args()
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        full_size(options.tool, folder)
        small(options.tool, folder)
    print("all equal")


def full_size(tool, folder):
    model = SpecCLIP().eval()
    count = sum(p.numel() for p in model.parameters())
    source, converted, back = folder / "clip.ckpt", folder / "clip.safetensors", folder / "back.ckpt"
    torch.save({
        "epoch": 110, "global_step": 10000, "pytorch-lightning_version": "1.9.5", "state_dict": model.state_dict(),
        "hyper_parameters": {"temperature": 15.5, "gaia_xp_encoder": model.gaia_xp_encoder,
                             "lamost_lrs_encoder": model.lamost_lrs_encoder},
    }, source)
    size = source.stat().st_size / 2**20
    for name, arguments in (("in", [source, converted]), ("out", [converted, back])):
        seconds, peak = run([tool, "convert", *arguments, "--quiet"])
        print(f"{count:,} parameters {name}: {size:.0f} MiB in {seconds:.1f} s, peak {peak:.0f} MiB "
              f"({peak / size:.2f} of the file)")
    compare(model.state_dict(), torch.load(back, weights_only=True)["state_dict"], "full size")

    spectrum, prepared, embedding = folder / "xp.csv", folder / "xp.npz", folder / "e.npz"
    wavelength = 336 + 2.0 * np.arange(343)
    flux = 1 + 0.3 * np.sin(wavelength / 70)
    np.savetxt(spectrum, np.stack([wavelength * 10, flux], 1), delimiter=",", header="wavelength,flux", comments="")
    run([tool, "prepare", spectrum, "--instrument", "gaia-xp", "-o", prepared])
    run([tool, "embed", "-m", converted, spectrum, "--instrument", "gaia-xp", "-o", embedding])
    with torch.no_grad():
        expected = model.gaia_xp_encoder(torch.from_numpy(np.load(prepared)["flux"])).numpy()
    found = np.load(embedding)["gaia_xp"]
    error = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"embedding of a spectrum: largest difference {error:.1e} of the largest number")
    if error > 2e-5:
        sys.exit("embeddings differ")


def small(tool, folder):
    backbone = models.MaskedTransformer(width=48, layers=2, heads=3)
    parameters = {"num_heads": 3, "slice_overlap": 10, "embed_dim": 48, "max_len": 150}
    state = backbone.state_dict()
    variants = {
        "float16": {k: v.half() for k, v in state.items()},
        "bfloat16": {k: v.bfloat16() for k, v in state.items()},
        "float64": {k: v.double() for k, v in state.items()},
        "strided views": {k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in state.items()},
        "one storage": one_storage(state),
    }
    for name, variant in variants.items():
        source, converted, back = folder / "a.ckpt", folder / "a.safetensors", folder / "b.ckpt"
        torch.save({"state_dict": variant, "hyper_parameters": parameters}, source)
        run([tool, "convert", source, converted, "--quiet", "--force"])
        run([tool, "convert", converted, back, "--quiet", "--force"])
        loaded = torch.load(back, weights_only=True)
        compare({k: v.float() for k, v in variant.items()}, loaded["state_dict"], name)
        assert loaded["hyper_parameters"]["num_heads"] == 3


def one_storage(state):
    """All tensors as views of one long vector."""
    flat = torch.cat([v.flatten() for v in state.values()])
    views, start = {}, 0
    for name, value in state.items():
        views[name] = flat[start:start + value.numel()].view(value.shape)
        start += value.numel()
    return views


def compare(expected, found, name):
    if set(expected) != set(found):
        sys.exit(f"{name}: other names: {sorted(set(expected) ^ set(found))[:5]}")
    for key, value in expected.items():
        if not torch.equal(value, found[key]) or value.dtype != found[key].dtype:
            sys.exit(f"{name}: {key} differs")
    print(f"{name}: {len(found)} tensors equal to the last bit")


def run(command):
    """Seconds and peak memory in MiB. (Not from wait4: that counts what this process held when it forked.)"""
    start, peak = time.monotonic(), 0.0
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak] + [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")])
        except OSError:
            pass
        time.sleep(0.005)
    if process.returncode:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return time.monotonic() - start, peak


if __name__ == "__main__":
    main()
