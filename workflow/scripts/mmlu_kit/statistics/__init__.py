"""Statistical tests and intervals on counts and arrays, independent of files and models.

`correct` arrays are true where an answer is right. A test that cannot be done (nothing varies, nothing to compare) returns
None, or None as its p-value. statsmodels is imported where it is used, as it imports pandas, which takes a second: who only
reads claims or checks a study computes nothing with it.
"""

# P-values below ALPHA are called significant; intervals have a coverage of 1 - ALPHA.
ALPHA, POWER = 0.05, 0.8
# Random draws of a permutation test: the smallest p-value is 1 / (DRAWS + 1).
DRAWS, SEED = 1999, 2025
# By how much lower an accuracy may be and still count as no worse, unless another margin is asked for.
MARGIN = 0.01
