"""Do 1e8 samples of the digitizer have the moments of Gamma(N)/N, and no memory between bins?

    python benchmarks/studies/haloscope_statistics.py [number of samples] [N]

Prints each moment with the value of the distribution and the deviation in standard errors.
"""

from __future__ import annotations

import sys

import numpy as np

from haloscope.apparatus.digitizer import gamma_mean
from instruments.random import generator

BLOCK = 100_000


def central_moments(n: int) -> list[float]:
    """Central moments 0 to 8 of Gamma(n)/n, by the recurrence of its cumulants (j-1)!/n^(j-1)."""
    cumulant = [0.0, 0.0]
    for j in range(2, 9):
        cumulant.append(float(np.prod(np.arange(1, j))) / float(n) ** (j - 1))
    moments = [1.0, 0.0]
    for m in range(2, 9):
        terms = (
            float(_binomial(m - 1, j - 1)) * cumulant[j] * moments[m - j] for j in range(2, m + 1)
        )
        moments.append(sum(terms))
    return moments


def _binomial(n: int, k: int) -> float:
    return float(np.prod([(n - i) / (i + 1) for i in range(k)]))


def main(samples: int, n: int) -> None:
    blocks = samples // BLOCK
    power_sums, lagged = np.zeros(5), 0.0
    for number in range(blocks):
        x = gamma_mean(generator(0, "statistics", number), n, BLOCK) - 1
        power_sums += [float(np.mean(x**k)) for k in range(5)]
        lagged += float(np.mean(x[1:] * x[:-1]))
    m = power_sums / blocks
    exact = central_moments(n)
    total = blocks * BLOCK
    print(f"{total:.3g} samples of Gamma({n})/{n}")
    names = ("mean - 1", "variance", "third central moment", "fourth central moment")
    for k, name in enumerate(names, start=1):
        error = np.sqrt((exact[2 * k] - exact[k] ** 2) / total)
        print(f"{name:24s} {m[k]:.9e}  exact {exact[k]:.9e}  {(m[k] - exact[k]) / error:+.2f} s.e.")
    centred = m[2] - m[1] ** 2
    skew = (m[3] - 3 * m[1] * m[2] + 2 * m[1] ** 3) / centred**1.5
    kurtosis = (m[4] - 4 * m[1] * m[3] + 6 * m[1] ** 2 * m[2] - 3 * m[1] ** 4) / centred**2 - 3
    print(f"relative width {100 * np.sqrt(centred):.5f} %  exact {100 / np.sqrt(n):.5f} %")
    print(f"skewness {skew:.6f}  exact {2 / np.sqrt(n):.6f}  s.e. {np.sqrt(6 / total):.6f}")
    print(f"excess kurtosis {kurtosis:.6f}  exact {6 / n:.6f}  s.e. {np.sqrt(24 / total):.6f}")
    correlation = lagged / blocks / centred
    print(f"neighbour correlation {correlation:+.2e}  exact 0  s.e. {1 / np.sqrt(total):.1e}")


if __name__ == "__main__":
    arguments = [int(float(a)) for a in sys.argv[1:]]
    main(*(arguments + [10**8, 5000][len(arguments) :]))
