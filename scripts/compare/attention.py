"""Tensor attention of order 2 in PyTorch, as one would write it: what tattn is measured beside.

    s[i,j,k] = scale sum_l Q[i,l] K1[j,l] K2[k,l]     O = softmax(s) (V1 (x) V2), over all (j,k) together
"""
import numpy as np
import torch

BLOCK_BYTES = 8 << 20  # of scores at a time in the chunked version: about what a core's caches hold


class Chunked(torch.autograd.Function):
    """All scores of a few query rows at a time, in O(n^2) memory; the backward pass computes them again."""

    @staticmethod
    def blocks(Q, K1, K2):
        step = max(1, BLOCK_BYTES // (Q.element_size() * len(K1) * len(K2)))
        return [slice(i, min(i + step, len(Q))) for i in range(0, len(Q), step)]

    @staticmethod
    def pairs(rows, matrix):
        """The products of every row of `rows` with every row of `matrix`, (i j) x columns."""
        return (rows[:, None, :] * matrix).reshape(-1, matrix.shape[1])

    @staticmethod
    def forward(ctx, Q, K1, K2, V1, V2, scale):
        O, lse = torch.empty(len(Q), V1.shape[1]), torch.empty(len(Q))
        for i in Chunked.blocks(Q, K1, K2):
            count = i.stop - i.start
            s = (Chunked.pairs(scale * Q[i], K1) @ K2.T).view(count, -1)
            top = s.max(dim=1, keepdim=True).values
            p = s.sub_(top).exp_()
            total = p.sum(dim=1, keepdim=True)
            products = (p.view(-1, len(K2)) @ V2).view(count, len(K1), -1)
            O[i] = (products * V1).sum(1) / total
            lse[i] = (top + total.log()).squeeze(1)
        ctx.save_for_backward(Q, K1, K2, V1, V2, O, lse)
        ctx.scale = scale
        return O

    @staticmethod
    def backward(ctx, dO):
        Q, K1, K2, V1, V2, O, lse = ctx.saved_tensors
        dQ, dK1, dK2, dV1, dV2 = (torch.zeros_like(x) for x in (Q, K1, K2, V1, V2))
        delta = (dO * O).sum(1, keepdim=True)
        for i in Chunked.blocks(Q, K1, K2):
            count = i.stop - i.start
            query_key, value_grad = Chunked.pairs(ctx.scale * Q[i], K1), Chunked.pairs(dO[i], V1)
            p = (query_key @ K2.T).view(count, -1).sub_(lse[i, None]).exp_().view(-1, len(K2))
            ds = (value_grad @ V2.T).view(count, -1).sub_(delta[i]).view(-1, len(K2)).mul_(p)
            t1 = ctx.scale * (ds @ K2).view(count, len(K1), -1)
            t2 = (p @ V2).view(count, len(V1), -1)
            dQ[i] = (t1 * K1).sum(1)
            dK1 += (t1 * Q[i, None, :]).sum(0)
            dV1 += (t2 * dO[i, None, :]).sum(0)
            dK2 += ds.T @ query_key
            dV2 += p.T @ value_grad
        return dQ, dK1, dK2, dV1, dV2, None


def einsum(Q, K1, K2, V1, V2, scale):
    """The whole score tensor, backward by autograd."""
    s = scale * torch.einsum("il,jl,kl->ijk", Q, K1, K2)
    p = torch.softmax(s.flatten(1), 1).view_as(s)
    return torch.einsum("ijk,jm,km->im", p, V1, V2)


METHODS = {"chunked": Chunked.apply, "einsum": einsum}


def rows_in_float64(file, rows):
    """O and dQ of some query rows by the formulas, in float64 with numpy: no other row takes part in them."""
    Q, K1, K2, V1, V2, dO = (file[name][:].astype(np.float64) for name in ("Q", "K1", "K2", "V1", "V2", "dO"))
    scale, O, dQ = file.attrs.get("scale", 1 / Q.shape[1]), [], []
    for i in rows:
        s = (scale * Q[i] * K1) @ K2.T
        p = np.exp(s - s.max())
        p /= p.sum()
        O.append(((p @ V2) * V1).sum(0))
        ds = p * ((dO[i] * V1) @ V2.T - dO[i] @ O[-1])
        dQ.append(scale * ((ds @ K2) * K1).sum(0))
    return {"O": np.array(O), "dQ": np.array(dQ)}
