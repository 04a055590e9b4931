"""Samples that tell a linear layer most about itself: the Fisher information, greedily and then pruned.

The last layer's information about a sample is the Kronecker product of the covariance of its label and the square of
its embedding. Every candidate keeps two small matrices, how much of its information is known already and how much of
what the pool asks for it would answer; a choice changes both by a product with the few rows that it added. So no pass
over the pool ever touches the large matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_budget, check_paired, check_points
from alframe.types import Positions

Matrix = NDArray[np.float64]

OVERSAMPLE = 2
"""How many times the budget is chosen before the least useful are taken back, as in the paper."""

RESOLVED = 1e-6
"""The regularization is at least this share of the most informative sample: what sums and differences resolve."""

BLOCK_ENTRIES = 1 << 19
"""Most float64 entries of one temporary: 4 MiB."""


def bait(
    probs: NDArray[Any],
    embeddings: NDArray[Any],
    budget: int,
    center_probs: NDArray[Any] | None = None,
    centers: NDArray[Any] | None = None,
    *,
    regularization: float = 1.0,
    class_directions: int = 4,
    embedding_directions: int = 128,
) -> Positions:
    """Choose what leaves the pool's Fisher information best known, (N, C), (N, D), (M, C), (M, D) -> positions (K,).

    The choice S makes ``trace(inverse(regularization * I + I(centers) + I(S)) @ I(pool))`` small: 2K samples are added
    one by one, then K taken back one by one, each the best at its time; ties go to the lowest position. Centres are the
    labelled samples; information adds up over samples, and the pool's is its mean. The layer has C * D weights, too
    many for any real network, so only those are looked at that lie in the leading directions of the pool's information:
    some among the classes, some among the embeddings. With at least C - 1 and D of them nothing is left out. A
    regularization below a millionth of the most informative sample's trace counts as that: less would be rounding.

    >>> probs = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
    >>> bait(probs, np.array([[1.0, 0.0], [2.0, 0.0], [9.0, 9.0]]), 1).tolist()
    [1]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget or number of directions under one; a
            regularization that is not positive.
        PoolExhausted: a budget larger than N.

    Source: Ash et al., "Gone fishing: neural active learning with Fisher embeddings", NeurIPS 2021.
    """
    probs, embeddings = check_paired(probs, embeddings)
    budget = check_budget(budget, available=len(probs))
    if not 0 < regularization < np.inf or min(class_directions, embedding_directions) < 1:
        given = f"{regularization}, {class_directions} and {embedding_directions}"
        raise InvalidInput(f"regularization must be positive and the directions at least 1, got {given}")
    classes, directions = _leading(probs, embeddings, class_directions, embedding_directions)
    pool = _candidates(probs, embeddings, classes, directions)
    known = max(regularization, RESOLVED * pool.sizes().max()) * np.eye(classes.shape[1] * directions.shape[1])
    if center_probs is not None and centers is not None and len(centers):
        centers = check_points(centers, "centers", width=embeddings.shape[1])
        known += _candidates(*check_paired(center_probs, centers), classes, directions).information()
    inverse = np.asarray(np.linalg.inv(known), dtype=np.float64)
    design = _Design(inverse, inverse @ (pool.information() / len(probs)) @ inverse)
    pool.meet(design)

    chosen: list[int] = []
    for _ in range(min(OVERSAMPLE * budget, len(probs))):
        gains = pool.gains(1)
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
        pool.follow(design.change(pool, chosen[-1], 1), 1)
    kept = pool.take(np.array(chosen))
    while len(chosen) > budget:
        losses = kept.gains(-1)
        # The last of equals goes, so that what was chosen first stays.
        last = len(losses) - 1 - int(losses[::-1].argmin())
        kept.follow(design.change(kept, last, -1), -1)
        kept = kept.take(np.delete(np.arange(len(chosen)), last))
        del chosen[last]
    return np.array(chosen, dtype=np.int64)


@dataclass
class _Design:
    """The inverse of the information so far, (E, E), and the pool's information between two of these inverses."""

    inverse: Matrix
    asked: Matrix

    def change(self, candidates: _Candidates, position: int, sign: int) -> tuple[Matrix, Matrix]:
        """Add (``sign`` 1) or take back (-1) one candidate, by Woodbury's identity; what changed, (E, R) twice."""
        rows = candidates.rows(position)
        root = np.linalg.cholesky(np.eye(rows.shape[1]) + sign * (rows.T @ self.inverse @ rows))
        rows = np.linalg.solve(root, rows.T).T
        step = self.inverse @ rows
        answer = self.asked @ rows
        answer -= step @ (sign / 2 * (rows.T @ answer))
        self.inverse -= sign * (step @ step.T)
        both = step @ answer.T
        self.asked -= sign * (both + both.T)
        return step, answer


@dataclass
class _Candidates:
    """Samples in the leading directions, with the samples in the last axis, so that small matrices go side by side.

    Attributes:
        points: (N, W) embeddings.
        roots: (R, R, N), each sample's a square root of the covariance of its label: ``root @ root.T``.
        known: (R, R, N), the sample's information in units of what is known of it.
        asked: (R, R, N), likewise of what the pool asks for.
    """

    points: Matrix
    roots: Matrix
    known: Matrix
    asked: Matrix

    def take(self, positions: Positions) -> _Candidates:
        """The candidates at ``positions``."""
        small = (matrices[:, :, positions] for matrices in (self.roots, self.known, self.asked))
        return _Candidates(self.points[positions], *small)

    def rows(self, position: int) -> Matrix:
        """The rows whose squares add up to the sample's information, as columns, (R * W, R)."""
        return np.kron(self.roots[:, :, position], self.points[position][:, np.newaxis])

    def sizes(self) -> Matrix:
        """The trace of each sample's information, (N,)."""
        lengths = np.einsum("nw,nw->n", self.points, self.points)
        return np.asarray(lengths * np.einsum("abn,abn->n", self.roots, self.roots))

    def information(self) -> Matrix:
        """The sum of all samples' information, (R * W, R * W)."""
        covariances = np.einsum("abn,cbn->acn", self.roots, self.roots)
        rank, width = len(covariances), self.points.shape[1]
        total = np.zeros((rank, width, rank, width))
        for block in row_blocks(len(self.points), width, BLOCK_ENTRIES):
            points = self.points[block]
            for first, second in zip(*np.tril_indices(rank), strict=True):
                total[first, :, second] += (points * covariances[first, second, block, np.newaxis]).T @ points
        for first, second in zip(*np.tril_indices(rank, -1), strict=True):
            total[second, :, first] = total[first, :, second].T
        return total.reshape(rank * width, rank * width)

    def meet(self, design: _Design) -> None:
        """Fill ``known`` and ``asked`` for a design."""
        rank, width = len(self.roots), self.points.shape[1]
        for matrix, into in ((design.inverse, self.known), (design.asked, self.asked)):
            blocks = matrix.reshape(rank, width, rank, width)
            for block in row_blocks(len(self.points), width, BLOCK_ENTRIES):
                points = self.points[block]
                middle = np.empty((rank, rank, len(points)))
                for first, second in np.ndindex(rank, rank):
                    middle[first, second] = np.einsum("nw,nw->n", points @ blocks[first, :, second], points)
                half = _product(self.roots[:, :, block], middle)
                into[:, :, block] = _product(self.roots[:, :, block], half.transpose(1, 0, 2))

    def gains(self, sign: int) -> Matrix:
        """By how much adding (``sign`` 1) each lowers the trace, or taking it back (-1) raises it, (N,)."""
        rank = len(self.roots)
        gains = np.zeros(len(self.points))
        for block in row_blocks(len(self.points), rank * rank):
            known, asked = sign * self.known[:, :, block], self.asked[:, :, block].copy()
            known[np.arange(rank), np.arange(rank)] += 1
            # The trace of inverse(known) @ asked, one elimination for all samples at once.
            for k in range(rank):
                gains[block] += asked[k, k] / known[k, k]
                factors = known[k + 1 :, k] / known[k, k]
                known[k + 1 :, k + 1 :] -= factors[:, np.newaxis] * known[k, k + 1 :]
                asked[k + 1 :, k:] -= factors[:, np.newaxis] * asked[k, k:]
                asked[k + 1 :, k + 1 :] -= asked[k + 1 :, k, np.newaxis] * factors
        return gains

    def follow(self, change: tuple[Matrix, Matrix], sign: int) -> None:
        """Bring ``known`` and ``asked`` up to date with a change of the design."""
        rank, width = len(self.roots), self.points.shape[1]
        # (R * W, R) -> (R, R, W): one matrix product for all that the sample's rows have to meet.
        columns = np.stack([part.reshape(rank, width, rank).transpose(0, 2, 1) for part in change])
        for block in row_blocks(len(self.points), max(width, 2 * rank * rank), BLOCK_ENTRIES):
            roots = self.roots[:, :, block]
            met = (columns.reshape(-1, width) @ self.points[block].T).reshape(2, rank, rank, -1)
            step, answer = _product(roots, met[0]), _product(roots, met[1])
            self.known[:, :, block] -= sign * np.einsum("abn,cbn->acn", step, step)
            both = np.einsum("abn,cbn->acn", step, answer)
            self.asked[:, :, block] -= sign * (both + both.transpose(1, 0, 2))


def _product(roots: Matrix, others: Matrix) -> Matrix:
    """``root.T @ other`` of each sample, (R, R, N), (R, R, N) -> (R, R, N)."""
    return np.asarray(np.einsum("abn,acn->bcn", roots, others))


def _leading(probs: NDArray[Any], embeddings: NDArray[Any], classes: int, directions: int) -> tuple[Matrix, Matrix]:
    """Orthonormal directions, (C, R) and (D, W), in which the pool has most information, summed over the others."""
    among_classes = np.zeros((probs.shape[1], probs.shape[1]))
    among_embeddings = np.zeros((embeddings.shape[1], embeddings.shape[1]))
    for block in row_blocks(len(probs), max(probs.shape[1], embeddings.shape[1]), BLOCK_ENTRIES):
        chances, points = probs[block].astype(np.float64), embeddings[block].astype(np.float64)
        squares = np.einsum("nd,nd->n", points, points)
        unsure = 1 - np.einsum("nc,nc->n", chances, chances)
        weighted = squares[:, np.newaxis] * chances
        among_classes += np.diag(weighted.sum(axis=0)) - weighted.T @ chances
        among_embeddings += (unsure[:, np.newaxis] * points).T @ points
    # Probabilities sum to one, so that one direction among the classes is never informed.
    rank, width = min(classes, max(probs.shape[1] - 1, 1)), min(directions, embeddings.shape[1])
    return np.linalg.eigh(among_classes)[1][:, ::-1][:, :rank], np.linalg.eigh(among_embeddings)[1][:, ::-1][:, :width]


def _candidates(probs: NDArray[Any], embeddings: NDArray[Any], classes: Matrix, directions: Matrix) -> _Candidates:
    """The samples in these directions; what is known and asked of them is not filled yet."""
    rank = classes.shape[1]
    points = np.empty((len(probs), directions.shape[1]))
    roots = np.empty((rank, rank, len(probs)))
    squares = (classes[:, :, np.newaxis] * classes[:, np.newaxis]).reshape(len(classes), -1)
    for block in row_blocks(len(probs), max(len(directions), squares.shape[0], squares.shape[1]), BLOCK_ENTRIES):
        chances = probs[block].astype(np.float64)
        points[block] = embeddings[block].astype(np.float64) @ directions
        means = chances @ classes
        covariances = (chances @ squares).reshape(-1, rank, rank) - means[:, :, np.newaxis] * means[:, np.newaxis]
        values, vectors = np.linalg.eigh(covariances)
        scaled = vectors * np.sqrt(np.maximum(values, 0))[:, np.newaxis]
        roots[:, :, block] = scaled.transpose(1, 2, 0)
    return _Candidates(points, roots, np.empty_like(roots), np.empty_like(roots))
