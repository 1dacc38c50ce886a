"""From a distance to the probability of the same work (chapter "Your own music").

Logistic regression on pairs of versions gives the log of the likelihood ratio: how much more often
such a distance occurs between versions of one work than between versions of two. The probability
follows with a prior, by Bayes' rule, because a match is likelier between two recordings that
somebody chose than between any two of a large collection. It holds for music like the pairs'.
"""

from dataclasses import dataclass

import numpy as np

from .results import ResultsError, read_results


@dataclass(frozen=True)
class SameWork:
    """Three numbers that turn distances into likelihood ratios.

    Attributes
    ----------
    offset, slope, curvature : float
        log(likelihood ratio) = offset + slope * distance + curvature * distance**2; where this
        would rise again, at large distances, it stays at its lowest value.
    """

    offset: float
    slope: float
    curvature: float = 0.0

    def probability(self, distance, *, prior):
        """Return the probability that two recordings are the same work.

        Parameters
        ----------
        distance : float or np.ndarray [range=[0, 2]]
            1 - cosine.
        prior : float [range=(0, 1)]
            The probability before they are heard.

        Returns
        -------
        float or np.ndarray [range=[0, 1]]
        """
        distance = np.asarray(distance, float)
        if self.curvature > 0:
            distance = np.minimum(distance, -self.slope / (2 * self.curvature))
        ratio = self.offset + (self.slope + self.curvature * distance) * distance
        logit = ratio + np.log(prior / (1 - prior))
        return 1 / (1 + np.exp(-np.clip(logit, -500, 500)))


def fit_same_work(distances, same, *, steps=50):
    """Fit the calibration by logistic regression.

    The share of pairs of one work is taken out again, so that any prior can be put in. It is small
    in a collection, and the fit best where the decision falls there: at small distances.

    Parameters
    ----------
    distances : np.ndarray [shape=(n,)]
    same : np.ndarray of bool [shape=(n,)]
        Whether the pair is of one work; both kinds must occur.
    steps : int
        Newton steps; it converges within a few.

    Returns
    -------
    SameWork
    """
    inputs = np.stack([np.asarray(distances, float) ** power for power in range(3)], axis=1)
    # a weak prior: finite numbers without any overlap, hardly a curve without many pairs
    parameters, ridge = np.zeros(3), np.diag([1e-3, 1e-3, 1.0])
    for _ in range(steps):
        predicted = 1 / (1 + np.exp(-np.clip(inputs @ parameters, -500, 500)))
        gradient = inputs.T @ (predicted - same) + ridge @ parameters
        curvature = (inputs * (predicted * (1 - predicted))[:, None]).T @ inputs
        parameters = parameters - np.linalg.solve(curvature + ridge, gradient)
    parameters[0] -= np.log(same.mean() / (1 - same.mean()))
    return SameWork(*map(float, parameters))


def reliability(probability, same, *, edges=(0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1)):
    """Hold stated probabilities against what happened.

    Parameters
    ----------
    probability : np.ndarray [shape=(n,), range=[0, 1]]
    same : np.ndarray of bool [shape=(n,)]
    edges : sequence of float
        Bins of the stated probability.

    Returns
    -------
    dict
        ``bins``: for each that is not empty, ``low``, ``high``, ``pairs``, mean ``stated`` and
        ``observed`` share; ``brier``, the mean square of the difference, and ``brier_of_prior``,
        that of stating the share of pairs that are the same for all; ``error``, the mean distance
        of stated and observed, weighted by pairs.
    """
    numbers = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, len(edges) - 2)
    bins = []
    for number in np.unique(numbers):
        inside = numbers == number
        bins.append(
            {
                "low": edges[number],
                "high": edges[number + 1],
                "pairs": int(inside.sum()),
                "stated": float(probability[inside].mean()),
                "observed": float(same[inside].mean()),
            }
        )
    error = sum(one["pairs"] * abs(one["stated"] - one["observed"]) for one in bins) / len(same)
    return {
        "bins": bins,
        "brier": float(np.mean((probability - same) ** 2)),
        "brier_of_prior": float(np.mean((same.mean() - same) ** 2)),
        "error": float(error),
    }


def read_same_work(checkpoint):
    """Return the calibration of a checkpoint, or None if it has none.

    Parameters
    ----------
    checkpoint : str
        sha256 of the checkpoint, as ``bytecover calibrate`` wrote it to the results.

    Raises
    ------
    ResultsError
        If a file of that name holds something else.
    """
    for name in (f"calibration_{checkpoint[:8]}", "calibration"):
        for found in read_results(name):
            try:
                if found["checkpoint"] == checkpoint:
                    return SameWork(**found["same_work"])
            except (LookupError, TypeError) as error:
                raise ResultsError(
                    f"{name}.json holds no calibration ({error}): make it again with "
                    "`bytecover calibrate`"
                ) from error
    return None
