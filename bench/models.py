"""The paper's models in plain PyTorch: what a reader of arXiv 2507.01939 would write, with the published parameter names.

Only what the benchmarks run. Attention goes through PyTorch's fused kernel, as in the published program.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.kv_proj = nn.Linear(width, 2 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        def split(y):
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q = split(self.q_proj(x))
        k, v = (split(y) for y in self.kv_proj(x).chunk(2, dim=-1))
        # The published model scales the logits twice: by 1/d in all.
        y = F.scaled_dot_product_attention(q * q.shape[-1] ** -0.5, k, v)
        return self.out_proj(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.ln2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class MaskedTransformer(nn.Module):
    """LAMOST LRS: 1462 pixels to 146 tokens of 21 numbers."""

    def __init__(self, width=768, layers=6, heads=6, max_length=150, section=20, overlap=10):
        super().__init__()
        self.section, self.stride = section, section - overlap
        self.data_embed = nn.Linear(section + 1, width)
        self.position_embed = nn.Embedding(max_length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.final_layernorm = nn.LayerNorm(width)
        self.head = nn.Linear(width, section + 1)

    def tokens(self, flux):
        mean, std = flux.mean(1, keepdim=True), flux.std(1, keepdim=True)
        sections = ((flux - mean) / std).unfold(1, self.section, self.stride)
        # The published tokeniser counts ceil((N - 10) / 10) - 1 sections: 145 of 1462 pixels.
        sections = sections[:, : math.ceil((flux.shape[1] - self.stride) / self.stride) - 1]
        tokens = F.pad(sections, (1, 0, 1, 0))
        tokens[:, 0, 0] = std[:, 0].log10()
        return tokens

    def encode(self, tokens):
        x = self.data_embed(tokens) + self.position_embed.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.final_layernorm(x)

    def forward(self, flux):
        return self.encode(self.tokens(flux))

    def masked_loss(self, flux, chunks=6, chunk_width=10):
        tokens = self.tokens(flux)
        count = tokens.shape[1]
        masked = tokens.clone()
        for row in masked:
            for i in range(chunks):
                start = i * count // chunks + int(torch.randint(0, count // chunks - chunk_width, (1,)))
                row[start : start + chunk_width] = 0
        where = (masked != tokens).float()
        output = self.head(self.encode(masked))
        return ((output * where - tokens * where) ** 2).mean() / where.mean()


class AutoEncoderBlock(nn.Module):
    def __init__(self, width, expansion=3):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        # Index 2 and 4 are dropouts of rate 0 in the published configuration; the names follow its indices.
        self.mlp = nn.Sequential(
            nn.Linear(width, expansion * width), nn.GELU(), nn.Identity(), nn.Linear(expansion * width, width), nn.Identity()
        )

    def forward(self, x):
        return self.mlp(self.norm(x))


class AutoEncoder(nn.Module):
    """Gaia XP: mean, std and 343 standardised pixels to a latent of 768."""

    def __init__(self, pixels=343, hidden=1290, bottleneck=768, blocks=2):
        super().__init__()
        self.input_proj = nn.Linear(pixels + 2, hidden)
        self.encoder_blocks = nn.ModuleList(AutoEncoderBlock(hidden) for _ in range(blocks))
        self.bottleneck_down = nn.Linear(hidden, bottleneck)
        self.bottleneck_norm = nn.LayerNorm(bottleneck)
        self.bottleneck_up = nn.Linear(bottleneck, hidden)
        self.decoder_blocks = nn.ModuleList(AutoEncoderBlock(hidden) for _ in range(blocks))
        self.output_proj = nn.Linear(hidden, pixels + 2)

    def forward(self, flux):
        mean, std = flux.mean(1, keepdim=True), flux.std(1, keepdim=True)
        x = self.input_proj(torch.cat([mean, std, (flux - mean) / std], dim=1))
        for block in self.encoder_blocks:
            x = block(x)
        return self.bottleneck_norm(self.bottleneck_down(x))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return x + self.decoder(F.gelu(self.encoder(x)))


class TokenHead(nn.Module):
    """A learned query attends to the tokens of the LRS backbone."""

    def __init__(self, width=768, heads=4, dropout=0.1):
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, width))
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.dropout, self.norm, self.mlp = nn.Dropout(dropout), nn.LayerNorm(width), Residual(width)

    def forward(self, tokens):
        query = self.query.expand(tokens.shape[0], -1, -1)
        attended, _ = self.attention(query, tokens, tokens, need_weights=False)
        return self.mlp(self.norm(self.dropout(attended))).squeeze(1)


def latent_head(width=768, hidden=1160, dropout=0.1):
    return nn.Sequential(
        nn.Linear(width, width),
        nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, width), nn.LayerNorm(width),
        nn.Dropout(dropout), Residual(width),
    )


def decoder(widths, dropout=0.1):
    layers = []
    for before, after in zip(widths[:-2], widths[1:-1]):
        layers += [nn.Linear(before, after), nn.GELU(), nn.BatchNorm1d(after), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


class AlignmentHeads(nn.Module):
    """Everything that learns in the `pr` objective; the backbones below it are frozen."""

    def __init__(self, lrs_pixels=1462, xp_pixels=343, scale=15.5):
        super().__init__()
        self.scale = scale
        self.lrs_head, self.xp_head = TokenHead(), latent_head()
        self.lrs_decoder, self.lrs_cross = (decoder([768, 3072, 3072, 3072, lrs_pixels]) for _ in range(2))
        self.xp_decoder, self.xp_cross = (decoder([768, 3072, 1536, 768, xp_pixels]) for _ in range(2))

    def loss(self, tokens, latent, lrs, xp):
        lrs_embedding, xp_embedding = self.lrs_head(tokens), self.xp_head(latent)
        unit = [e / e.norm(dim=1, keepdim=True).clamp_min(1e-3) for e in (xp_embedding, lrs_embedding)]
        logits = self.scale * unit[0] @ unit[1].T
        pairs = torch.arange(len(logits))
        contrast = (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2
        standardised = (lrs - lrs.mean(1, keepdim=True)) / lrs.std(1, keepdim=True)
        rebuilt = F.l1_loss(self.xp_decoder(xp_embedding), xp) + F.l1_loss(self.lrs_decoder(lrs_embedding), standardised)
        crossed = F.l1_loss(self.xp_cross(lrs_embedding), xp) + F.l1_loss(self.lrs_cross(xp_embedding), lrs)
        return contrast + rebuilt + crossed
